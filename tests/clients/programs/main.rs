// Creates each value as a template by the generated client, reads it back, and prints what it read.
use openapi::apis::{accounts_api, configuration::Configuration, flask_api, templates_api};
use openapi::models::{LoginRequest, RegistrationRequest, TemplateRequest};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, url, path, username] = <[String; 4]>::try_from(std::env::args().collect::<Vec<_>>())
        .map_err(|_| "needs a URL, a path and a name")?;
    let password = "note-g-of-1843".to_owned();
    let mut service = Configuration { base_path: url, ..Configuration::default() };
    let person = RegistrationRequest::new(username.clone(), password.clone());
    flask_api::register(&service, person).await?;
    let tokens = flask_api::login(&service, LoginRequest::new(username.clone(), password)).await?;
    service.bearer_access_token = Some(tokens.access_token);
    assert_eq!(accounts_api::get_me(&service).await?.username, username);

    let mut read = Vec::new();
    for value in serde_json::from_str::<Vec<Value>>(&std::fs::read_to_string(path)?)? {
        let request = TemplateRequest::new(Some(value));
        let created = templates_api::create_template(&service, request, None).await?;
        let found = templates_api::get_template(&service, &created.id, None, None).await?;
        assert_eq!((found.version, found.created_at.offset().local_minus_utc()), (1, 0));
        read.push(found.template);
    }
    let page = templates_api::list_templates(
        &service, Some(true), None, None, None, None, None, Some(1), None, None, None,
    );
    assert_eq!(page.await?.count, Some(Some(read.len().into())));
    println!("{}", serde_json::to_string(&read)?);
    Ok(())
}
