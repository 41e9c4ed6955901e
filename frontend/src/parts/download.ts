/** Saves what lies at `href`, without leaving the page. An empty name: the server's own. */
export function download(href: string, file = ""): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = file;
  link.click();
}
