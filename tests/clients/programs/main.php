<?php
// Creates each value as a template by the generated client, reads it back, and prints what it read.

use OpenAPI\Client\Api\{AccountsApi, FlaskApi, TemplatesApi};
use OpenAPI\Client\Configuration;
use OpenAPI\Client\Model\{LoginRequest, RegistrationRequest, TemplateRequest};

require 'GuzzleHttp/autoload.php';
spl_autoload_register(function (string $name): void {
    require __DIR__ . '/lib/' . strtr(substr($name, strlen('OpenAPI\Client\\')), '\\', '/') . '.php';
});

function check(bool $right, string $message): void
{
    if (!$right) {
        throw new Exception($message);
    }
}

[, $url, $path, $username] = $argv;
$person = ['username' => $username, 'password' => 'note-g-of-1843'];
$configuration = (new Configuration())->setHost($url);
$open = new FlaskApi(null, $configuration);
$open->register(new RegistrationRequest($person));
$configuration->setAccessToken($open->login(new LoginRequest($person))->getAccessToken());
$me = (new AccountsApi(null, $configuration))->getMe()->getUsername();
check($me === $username, "I am $me.");

$templates = new TemplatesApi(null, $configuration);
$read = [];
foreach (json_decode(file_get_contents($path)) as $value) {
    $created = $templates->createTemplate(new TemplateRequest(['template' => $value]));
    $found = $templates->getTemplate($created->getId());
    check($found->getCreatedAt() instanceof DateTime && $found->getVersion() === 1, $found->getUrl());
    $read[] = $found->getTemplate();
}
$page = $templates->listTemplates(limit: 1, count: true);
check($page->getCount() === count($read), "There are {$page->getCount()}.");
echo json_encode($read, JSON_PRESERVE_ZERO_FRACTION);
