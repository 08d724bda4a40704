// Asks forebay how it is doing, and says so.

const STATUS_EVERY = 2000;
const HISTORY_EVERY = 60000;
const PATIENCE = 5000;
const KEPT = "forebay-credentials";

const VERDICTS = {
  fine: ["good", "Fine", "Data is taken in, and what is acknowledged is delivered or on its way."],
  degraded: ["warn", "Degraded", ""],
  refusing: ["bad", "Refusing data", "Clients are told to come back. What was acknowledged is kept."],
  silent: ["unknown", "forebay does not answer", ""],
  locked: ["idle", "Credentials needed", ""],
};

/** When the last answer came, and since when there has been none, by the reader's clock. */
let answeredAt = null;
let silentSince = null;
let status = null;

class Locked extends Error {
  constructor(challenge) {
    super("credentials are needed");
    this.challenge = challenge;
  }
}

/** Asks, with the credentials that were given. The browser's own are left out, for it would ask for some in a window. */
async function ask(path) {
  const headers = { Accept: "application/json" };
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (kept) headers[kept.header] = kept.value;
  const answer = await fetch(path, { headers, credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (answer.status === 401) throw new Locked(answer.headers.get("WWW-Authenticate") ?? "");
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).trim().slice(0, 200)}`);
  const date = Date.parse(answer.headers.get("Date") ?? "");
  // The header has whole seconds, so that less than two of them say nothing.
  if (!Number.isNaN(date)) ahead = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
  return answer.json();
}

/** Says the verdict; what has not changed is left alone, so that it is not read aloud again. */
function judge(verdict, meaning, reasons = [], notes = []) {
  const [state, title, usual] = VERDICTS[verdict] ?? VERDICTS.silent;
  if (isDrawn("verdict", [verdict, meaning, reasons, notes])) return;
  document.body.dataset.verdict = verdict;
  document.title = `${title} · forebay`;
  icon(state);
  at("sign").replaceChildren(sign(state));
  at("condition").textContent = title;
  at("meaning").textContent = meaning || usual;
  at("meaning").hidden = at("meaning").textContent === "";
  for (const [id, sentences] of [["reasons", reasons], ["notes", notes]]) {
    at(id).replaceChildren(...sentences.map((sentence) => make("li", {}, sentence)));
    at(id).hidden = sentences.length === 0;
  }
}

/** The sign of the verdict in the browser's tab. */
function icon(state) {
  const colour = { good: "1d7a45", warn: "b26a00", bad: "c0281f" }[state] ?? "6b7680";
  const [outline, inner] = SHAPES[state];
  const drawing = `<svg xmlns='${SVG}' viewBox='0 0 24 24'><path d='${outline}' fill='%23${colour}'/>` +
    `<path d='${inner}' fill='none' stroke='white' stroke-width='2.4' stroke-linecap='round'/></svg>`;
  let link = document.querySelector("link[rel=icon]");
  if (!link) document.head.append(link = make("link", { rel: "icon" }));
  link.href = `data:image/svg+xml,${drawing}`;
}

function show() {
  judge(status.condition, status.condition === "fine" && isUnused(status) ? "Ready. Nothing has come in yet." : "",
    status.reasons, status.notes);
  at("content").hidden = false;
  at("door").hidden = true;
  at("identity").textContent = `${status.version} at ${location.host}`;
  for (const showPart of PARTS) showPart(status);
}

let nextLook = 0;

async function look() {
  clearTimeout(nextLook);
  let every = STATUS_EVERY;
  try {
    status = await ask("/status");
    answeredAt = new Date();
    silentSince = null;
    show();
  } catch (error) {
    // It is no use to ask again before there are credentials.
    if (error instanceof Locked) every = lock(error.challenge);
    else silence(error);
  }
  freshen();
  clearTimeout(nextLook);
  if (every !== null) nextLook = setTimeout(look, every);
}

/** Asks for the graphs. They say nothing of their own if that fails: the verdict does. */
async function lookBack() {
  try {
    if (answeredAt !== null) showHistory(await ask("/history?points=288"));
  } catch (error) {
    console.info("no history:", error.message);
  }
}

function silence(error) {
  silentSince ??= new Date();
  const isCut = error instanceof TypeError || error.name === "TimeoutError" || error.name === "AbortError";
  const why = isCut ? "It has ended, or the network between it and this page is cut." : `It answered something else: ${error.message}`;
  judge("silent", why);
}

/** Every second: how old the numbers are. This is not in what is read aloud. */
function freshen() {
  tick();
  const old = at("old");
  old.hidden = silentSince === null;
  if (silentSince !== null) {
    const numbers = answeredAt === null ? "There are no numbers yet."
      : `The numbers below are old: they are of ${clock(answeredAt)}, ${span((Date.now() - answeredAt) / 1000)} ago.`;
    old.textContent = `No answer since ${clock(silentSince)}. ${numbers} This page goes on asking.`;
  }
  at("freshness").textContent = answeredAt === null || silentSince !== null ? "" : `as of ${clock(answeredAt)}`;
}

function lock(challenge) {
  const wasGiven = sessionStorage.getItem(KEPT) !== null;
  sessionStorage.removeItem(KEPT);
  silentSince = null;
  answeredAt = null;
  at("content").hidden = true;
  if (at("door").hidden) {
    at("door").hidden = false;
    const schemes = [...challenge.matchAll(/(?:^|,\s*)([^\s,=]+) realm=/g)].map((match) => match[1]);
    const scheme = schemes.find((name) => name.toLowerCase() !== "basic");
    at("by-user").hidden = !schemes.some((name) => name.toLowerCase() === "basic");
    at("by-token").hidden = scheme === undefined && !at("by-user").hidden;
    at("by-token").dataset.scheme = scheme ?? "Bearer";
    at(at("by-token").hidden ? "user" : "token").focus();
  }
  judge("locked", wasGiven ? "These were not accepted. Try others." : "");
  return null;
}

/** A token goes behind its scheme. In a header of another name than the usual it stands as it was typed. */
function tokenTyped() {
  const [header, token] = [at("header").value.trim(), at("token").value.trim()];
  return { header, value: header.toLowerCase() === "authorization" ? `${at("by-token").dataset.scheme} ${token}` : token };
}

function userTyped() {
  const letters = new TextEncoder().encode(`${at("user").value}:${at("password").value}`);
  return { header: "Authorization", value: `Basic ${btoa(String.fromCharCode(...letters))}` };
}

for (const [id, typed] of [["by-token", tokenTyped], ["by-user", userTyped]]) {
  at(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEPT, JSON.stringify(typed()));
    at("token").value = at("password").value = "";
    await look();
    await lookBack();
  });
}

addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && nextLook !== 0) look();
});

setInterval(freshen, 1000);
setInterval(lookBack, HISTORY_EVERY);
look().then(lookBack);
