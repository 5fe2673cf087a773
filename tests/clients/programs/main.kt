// Creates each value as a template by the generated client, reads it back, and prints what it read.
import com.fasterxml.jackson.annotation.JsonInclude
import com.fasterxml.jackson.databind.ObjectMapper
import java.io.File
import org.openapitools.client.apis.AccountsApi
import org.openapitools.client.apis.FlaskApi
import org.openapitools.client.apis.TemplatesApi
import org.openapitools.client.infrastructure.ApiClient
import org.openapitools.client.infrastructure.Serializer
import org.openapitools.client.models.LoginRequest
import org.openapitools.client.models.RegistrationRequest
import org.openapitools.client.models.TemplateRequest

fun main(arguments: Array<String>) {
    val (url, path, username) = arguments
    // The client's own mapper loses each null of an object.
    Serializer.jacksonObjectMapper.setDefaultPropertyInclusion(
        JsonInclude.Value.construct(JsonInclude.Include.NON_ABSENT, JsonInclude.Include.ALWAYS)
    )
    val password = "note-g-of-1843"
    val open = FlaskApi(url)
    open.register(RegistrationRequest(username, password))
    ApiClient.accessToken = open.login(LoginRequest(username, password)).accessToken
    check(AccountsApi(url).getMe().username == username)

    val json = ObjectMapper()
    val templates = TemplatesApi(url)
    val read = json.readValue(File(path), List::class.java).map { value ->
        val created = templates.createTemplate(TemplateRequest(value))
        val found = templates.getTemplate(created.id)
        check(found.version == 1L && found.createdAt.offset.totalSeconds == 0)
        found.template
    }
    check(templates.listTemplates(limit = 1, count = true).count == read.size)
    println(json.writeValueAsString(read))
}
