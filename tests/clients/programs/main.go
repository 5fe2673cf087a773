// Creates each value as a template by the generated client, reads it back, and prints what it read.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"program/client"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	url, path, username := os.Args[1], os.Args[2], os.Args[3]
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: url}}
	service := client.NewAPIClient(configuration)
	ctx := context.Background()
	_, _, err := service.FlaskAPI.Register(ctx).
		RegistrationRequest(*client.NewRegistrationRequest(username, "note-g-of-1843")).Execute()
	check(err)
	login := client.NewLoginRequest(username, "note-g-of-1843")
	login.Username, login.Password = username, "note-g-of-1843"
	tokens, _, err := service.FlaskAPI.Login(ctx).LoginRequest(*login).Execute()
	check(err)
	ctx = context.WithValue(ctx, client.ContextAccessToken, tokens.AccessToken)
	me, _, err := service.AccountsAPI.GetMe(ctx).Execute()
	check(err)
	if me.Username != username {
		check(fmt.Errorf("I am %s", me.Username))
	}

	content, err := os.ReadFile(path)
	check(err)
	var values, read []interface{}
	check(json.Unmarshal(content, &values))
	for _, value := range values {
		request := *client.NewTemplateRequest(value)
		created, _, err := service.TemplatesAPI.CreateTemplate(ctx).TemplateRequest(request).Execute()
		check(err)
		found, _, err := service.TemplatesAPI.GetTemplate(ctx, created.Id).Execute()
		check(err)
		if found.CreatedAt.IsZero() || found.Version != 1 {
			check(fmt.Errorf("%s is wrong", found.Url))
		}
		read = append(read, found.Template)
	}
	page, _, err := service.TemplatesAPI.ListTemplates(ctx).Limit(1).Count(true).Execute()
	check(err)
	if page.Count != float64(len(read)) {
		check(fmt.Errorf("there are %v", page.Count))
	}
	var printed bytes.Buffer
	check(json.NewEncoder(&printed).Encode(read))
	fmt.Print(printed.String())
}
