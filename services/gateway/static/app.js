// The front page: signing in (or first set-up), then the overview, kept up to date by the live stream.
// Everything that is shown is set as text; nothing is ever parsed as markup.
"use strict";

const API = "/api/v1";
const STATUSES = [
  ["expired", "expired"], ["critical", "critical"], ["warning", "warning"], ["healthy", "healthy"],
  ["no_expiry", "no expiry"], ["not_yet_active", "not yet active"], ["disabled", "disabled"],
];
const MOST_EVENTS = 100;
const REFRESH_AFTER = new Set([
  "certifyclouds.vault.scanned.v1", "certifyclouds.scan.completed.v1",
  "certifyclouds.alert.raised.v1", "certifyclouds.alert.resolved.v1",
]);

const $ = (id) => document.getElementById(id);
let stream = null;
let lastEventId = "";
let refreshTimer = 0;

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || "The platform refused.");
    this.status = status;
    this.code = problem.code || "";
    this.errors = problem.errors || [];
  }
}

async function call(method, path, body) {
  const response = await fetch(API + path, {
    method,
    credentials: "same-origin",
    headers: method === "GET" ? {} : { "content-type": "application/json" },
    body: method === "GET" ? undefined : JSON.stringify(body || {}),
  });
  const document_ = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, document_);
  return document_;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function say(id, text) {
  $(id).textContent = text || "";
  $(id).hidden = !text;
}

// --- the door -------------------------------------------------------------------------------------

function showDoor(reason) {
  closeStream();
  $("home").hidden = $("sign-out").hidden = $("who").hidden = true;
  $("door").hidden = $("sign-in").hidden = false;
  $("own-password").hidden = true;
  say("door-error", reason);
  $("username").focus();
}

function setUpMode(on) {
  $("token-field").hidden = !on;
  $("setup-token").required = on;
  $("password").autocomplete = on ? "new-password" : "current-password";
  $("door-title").textContent = on ? "Use a set-up token" : "Sign in";
  $("enter").textContent = on ? "Become administrator" : "Sign in";
  $("switch").textContent = on ? "Sign in instead" : "First start, or locked out? Use a set-up token";
  $("door-hint").textContent = on
    ? "The one-time token was printed where the platform was started, or by certifyclouds break-glass. The password is a new one, of 12 characters or more."
    : "Metadata only: no secret value ever reaches this page.";
}

async function enter(event) {
  event.preventDefault();
  const body = { username: $("username").value, password: $("password").value, session: "cookie" };
  if (!$("token-field").hidden) body.setup_token = $("setup-token").value.trim();
  if ($("code").value) body.code = $("code").value;
  $("enter").disabled = true;
  try {
    await call("POST", "/auth/login", body);
    $("sign-in").reset();
    askForCode(false);
    setUpMode(false);
    await showHome();
  } catch (error) {
    if (error.code === "second-factor-needed") askForCode(true);
    say("door-error", sentence(error));
  } finally {
    $("enter").disabled = false;
  }
}

function askForCode(on) {
  $("code-field").hidden = !on;
  if (on) $("code").focus();
}

function sentence(error) {
  const fields = (error.errors || []).map((field) => field.detail);
  return fields.length ? fields.join(" ") : error.message;
}

function askForOwnPassword() {
  $("door").hidden = $("own-password").hidden = $("sign-out").hidden = false;
  $("sign-in").hidden = true;
  $("present").focus();
}

async function changePassword(event) {
  event.preventDefault();
  const body = { present_password: $("present").value, password: $("chosen").value };
  if ($("own-code").value) body.code = $("own-code").value;
  $("change").disabled = true;
  try {
    await call("POST", "/auth/password", body);
    $("own-password").reset();
    await showHome();
  } catch (error) {
    if (error.code === "second-factor-needed") $("own-code-field").hidden = false;
    say("own-error", sentence(error));
  } finally {
    $("change").disabled = false;
  }
}

// --- the overview ---------------------------------------------------------------------------------

async function showHome() {
  const me = await call("GET", "/auth/me");
  if (me.must_change_password) return askForOwnPassword();
  $("door").hidden = $("own-password").hidden = true;
  $("home").hidden = $("sign-out").hidden = $("who").hidden = false;
  $("who").textContent = `${me.username} (${me.role})`;
  $("scan").hidden = !me.permissions.includes("request_scan");
  openStream();
}

function moment(text) {
  return text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "never";
}

function drawOverview(overview) {
  const tiles = STATUSES.map(([key, word]) => {
    const tile = element("li", undefined, key);
    tile.append(element("strong", (overview.items.by_status[key] || 0).toLocaleString()), element("span", word));
    return tile;
  });
  $("statuses").replaceChildren(...tiles);
  $("next").replaceChildren(...overview.next_to_expire.map((item) => {
    const row = element("tr");
    row.append(
      element("td", item.name), element("td", item.application_name || item.vault_name),
      element("td", moment(item.expires_on)), element("td", item.status.replaceAll("_", " "), item.status),
    );
    return row;
  }));
  drawDiscovery(overview);
}

function drawDiscovery(overview) {
  const scan = overview.last_scan;
  const facts = [
    ["Items", overview.items.total.toLocaleString()],
    ["Vaults", `${overview.vaults.total} in ${overview.vaults.subscriptions} subscriptions`],
    ["Open alerts", String(overview.alerts.open)],
    ["Last scan", scan ? `${scan.outcome || scan.state}, ${moment(scan.completed_at || scan.requested_at)}` : "none yet"],
  ];
  if (scan && scan.state === "running") facts.push(["Progress", `${scan.vaults_done} of ${scan.vaults}`]);
  $("discovery").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  $("unreadable-title").hidden = overview.unreadable.length === 0;
  $("unreadable").replaceChildren(...overview.unreadable.map((vault) => {
    const line = element("li");
    line.append(element("strong", vault.name), element("div", vault.reason || vault.outcome, "muted"));
    if (vault.remedy) line.append(element("div", vault.remedy));
    return line;
  }));
}

async function refresh() {
  refreshTimer = 0;
  try {
    drawOverview(await call("GET", "/overview"));
  } catch (error) {
    if (error.status === 401) showDoor("Your session has ended; sign in again.");
    else say("notice", error.message);
  }
}

async function requestScan() {
  $("scan").disabled = true;
  try {
    await call("POST", "/scans", { mode: "full" });
    say("notice", "A scan was asked for; its progress appears below.");
  } catch (error) {
    say("notice", error.message);
  } finally {
    $("scan").disabled = false;
  }
}

// --- the live stream ------------------------------------------------------------------------------

function openStream() {
  if (stream || document.hidden || $("home").hidden) return;
  stream = new EventSource(API + "/events");
  stream.addEventListener("open", () => setLive(true));
  stream.addEventListener("error", streamFailed);
  stream.addEventListener("session-ended", () => showDoor("Your session has ended; sign in again."));
  stream.addEventListener("snapshot", (event) => drawOverview(JSON.parse(event.data).overview));
  for (const type of EVENT_TYPES) stream.addEventListener(type, happened);
}

const EVENT_TYPES = [
  "vault.scanned", "scan.completed", "secret.expiring", "rotation.step", "rotation.published",
  "rotation.completed", "rotation.failed", "sync.completed", "sync.failed", "sync.conflict",
  "alert.raised", "alert.resolved", "license.changed", "release.available",
].map((name) => `certifyclouds.${name}.v1`);

function streamFailed() {
  setLive(false);
  if (stream && stream.readyState === EventSource.CLOSED) {
    closeStream();
    call("GET", "/auth/me").then(() => setTimeout(openStream, 3000), (error) => {
      if (error.status === 401) showDoor("Your session has ended; sign in again.");
      else setTimeout(openStream, 3000);
    });
  }
}

// A hidden tab lets go of its connection: a browser has only six for one address.
function closeStream() {
  if (stream) stream.close();
  stream = null;
  setLive(false);
}

function setLive(on) {
  $("live").textContent = on ? "live" : "not connected";
  $("live").classList.toggle("on", on);
}

function happened(event) {
  if (event.lastEventId === lastEventId) return;
  lastEventId = event.lastEventId;
  const what = JSON.parse(event.data);
  const line = element("li");
  line.append(element("time", new Date(what.at).toLocaleTimeString()), element("span", what.summary));
  $("events").prepend(line);
  while ($("events").childElementCount > MOST_EVENTS) $("events").lastElementChild.remove();
  if (REFRESH_AFTER.has(what.type) && !refreshTimer) refreshTimer = setTimeout(refresh, 1000);
}

// --- begin ----------------------------------------------------------------------------------------

$("sign-in").addEventListener("submit", enter);
$("own-password").addEventListener("submit", changePassword);
$("switch").addEventListener("click", () => setUpMode($("token-field").hidden));
$("scan").addEventListener("click", requestScan);
$("sign-out").addEventListener("click", () => call("POST", "/auth/logout").finally(() => showDoor("")));
document.addEventListener("visibilitychange", () => (document.hidden ? closeStream() : openStream()));
showHome().catch((error) => showDoor(error.status === 401 ? "" : error.message));
