// Creates each value as a template by the generated client, reads it back, and prints what it read.
import { AccountsApi, Configuration, FlaskApi, TemplatesApi } from "./client";

declare const process: { argv: string[]; exit(status: number): void };
declare function require(name: string): { readFileSync(path: string, encoding: string): string };

async function main(): Promise<void> {
  const [basePath, path, username] = process.argv.slice(2);
  const person = { username, password: "note-g-of-1843" };
  const open = new FlaskApi(new Configuration({ basePath }));
  await open.register({ registrationRequest: person });
  const tokens = await open.login({ loginRequest: person });
  const configuration = new Configuration({ basePath, accessToken: tokens.accessToken });
  const me = await new AccountsApi(configuration).getMe();
  if (me.username !== username) throw new Error(`I am ${me.username}.`);

  const templates = new TemplatesApi(configuration);
  const read: unknown[] = [];
  for (const template of JSON.parse(require("fs").readFileSync(path, "utf8"))) {
    const created = await templates.createTemplate({ templateRequest: { template } });
    const found = await templates.getTemplate({ id: created.id });
    if (!(found.createdAt instanceof Date) || found.version !== 1) throw new Error(found.url);
    read.push(found.template);
  }
  const page = await templates.listTemplates({ limit: 1, count: true });
  if (page.count !== read.length) throw new Error(`There are ${page.count}.`);
  console.log(JSON.stringify(read));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
