// Creates each value as a template by the generated client, reads it back, and prints what it read.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.AccountsApi;
import org.openapitools.client.api.FlaskApi;
import org.openapitools.client.api.TemplatesApi;
import org.openapitools.client.model.*;

public class Main {
  public static void main(String[] arguments) throws Exception {
    String username = arguments[2], password = "note-g-of-1843";
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    FlaskApi open = new FlaskApi(client);
    open.register(new RegistrationRequest().username(username).password(password));
    TokenPair tokens = open.login(new LoginRequest().username(username).password(password));
    client.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + tokens.getAccessToken()));
    String me = new AccountsApi(client).getMe().getUsername();
    if (!me.equals(username)) throw new Exception("I am " + me);

    ObjectMapper json = new ObjectMapper();
    TemplatesApi templates = new TemplatesApi(client);
    List<Object> read = new ArrayList<>();
    for (Object value : json.readValue(new File(arguments[1]), Object[].class)) {
      Template created = templates.createTemplate(new TemplateRequest().template(value), null);
      Template found = templates.getTemplate(created.getId(), null, null);
      if (found.getCreatedAt() == null || found.getVersion() != 1L) throw new Exception();
      read.add(found.getTemplate());
    }
    System.out.println(json.writeValueAsString(read));
  }
}
