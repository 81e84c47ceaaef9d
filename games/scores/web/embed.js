// SPDX-License-Identifier: MIT
// @ts-check
/*
 * embed - live scores on any page of any site, by one tag:
 *
 *   <script src="https://scores.example/scores/embed.js" async></script>
 *
 * The box stands where the tag stands. data-match="ald-bri" shows one match with what
 * happened last, data-room another room than "today", data-theme "light" or "dark"
 * where the page does not go by the system's. This is a classic script, so that it
 * knows its tag; all the rest is box.js.
 */
{
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const box = document.createElement("parlor-scores");
  // As high as it will be, about: what stands below does not jump.
  box.style.display = "block";
  box.style.margin = "12px 0";
  box.style.minHeight = script.dataset.match ? "198px" : "258px";
  const place = () =>
    document.head.contains(script) ? document.body.append(box) : script.after(box);
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);

  const { match, room = "today", theme } = script.dataset;
  const at = new URL(`./${room}`, script.src);
  import(new URL("./box.js", script.src).href).then(
    ({ show }) => show(box, { at, match, theme }),
    () => {
      // The server is away, or does not let this site in: a link is better than a hole.
      const link = document.createElement("a");
      link.href = at.href;
      link.textContent = "Live scores";
      box.style.minHeight = "";
      box.replaceChildren(link);
    },
  );
}
