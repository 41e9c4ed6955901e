/** A run as something to paste elsewhere: the same spec, submitted again. Pure. */

const END = "SPEC";

export function asCurl(origin: string, source: string): string {
  return [
    `curl -X POST ${origin}/api/v1/runs \\`,
    `  -H "Authorization: Bearer $(copd token)" \\`,
    `  -H "Content-Type: application/yaml" \\`,
    `  --data-binary @- <<'${END}'`,
    source.trimEnd(),
    END,
  ].join("\n");
}

export function asPython(origin: string, source: string): string {
  return [
    "import os",
    "from client.api import Client",
    "",
    `SPEC = ${pythonString(source)}`,
    "",
    `with Client("${origin}", os.environ["COPD_TOKEN"]) as client:  # COPD_TOKEN: from \`copd token\``,
    "    run = client.create_run(SPEC)",
    "    print(run.id)",
  ].join("\n");
}

function pythonString(text: string): string {
  return `"""${text.replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"')}"""`;
}
