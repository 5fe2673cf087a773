# Creates each value as a template by the generated client, reads it back, and prints what it read.
require "json"
require "openapi_client"

include OpenapiClient

url, path, username = ARGV
person = { username: username, password: "note-g-of-1843" }
configuration = Configuration.new
configuration.scheme, configuration.host = url.split("://")
configuration.server_index = nil
client = ApiClient.new(configuration)
open = FlaskApi.new(client)
open.register(RegistrationRequest.new(person))
configuration.access_token = open.login(LoginRequest.new(person)).access_token
me = AccountsApi.new(client).get_me.username
raise "I am #{me}." unless me == username

templates = TemplatesApi.new(client)
read = JSON.parse(File.read(path)).map do |value|
  # A TemplateRequest would lose each nil of a list.
  created = templates.create_template({ template: value })
  found = templates.get_template(created.id)
  raise found.url unless found.created_at.is_a?(Time) && found.version == 1
  found.template
end
page = templates.list_templates(limit: 1, count: true)
raise "There are #{page.count}." unless page.count == read.length
puts JSON.generate(read)
