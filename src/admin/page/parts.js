// The parts of the page, each drawn of what /status says.

const drawn = new Map();

/** As many objects and tenants are shown at once. */
const FEW = 6;

/** Whether that is what is shown already. If not, it is now. */
function isDrawn(id, data) {
  const seen = JSON.stringify(data);
  const is = drawn.get(id) === seen;
  drawn.set(id, seen);
  return is;
}

/** Draws a part anew if what it shows has changed: a selection or a focus in it lives on otherwise. */
function part(id, data, children) {
  if (!isDrawn(id, data)) at(id).lastElementChild.replaceChildren(...[children()].flat().filter(Boolean));
}

/** The head of a card: a sign, what it means, and the number that matters. */
function card(state, words, number, ...rest) {
  return [
    make("p", { class: `state ${state}` }, sign(state), words),
    make("p", { class: "number" }, number),
    ...rest,
  ];
}

function list(pairs) {
  const shown = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined);
  return make("dl", {}, shown.map(([term, ...what]) => make("div", {}, make("dt", {}, term), make("dd", {}, what))));
}

function showIntake({ intake, rates, received, commit, reasons }) {
  const requests = received?.requests ?? {};
  const cause = (reasons ?? []).includes(intake.reason) ? null : intake.reason;
  part("intake", [intake, cause, rates, received?.requests, commit], () => card(
    intake.taking ? "good" : "bad",
    intake.taking ? "Taking data in" : "Refusing data",
    rate(rates?.received_items_per_second, "items"),
    cause && make("p", { class: "words-of cause" }, cause),
    list([
      ["Data", dataRate(rates?.received_bytes_per_second)],
      ["Requests", `${count(requests.acknowledged)} acknowledged`],
      requests.refused > 0 && ["Refused", several(requests.refused, "request")],
      requests.rejected > 0 && ["Rejected", several(requests.rejected, "request")],
      isNumber(commit?.p99_seconds) && ["Commit", `${latency(commit.p50_seconds)}, p99 ${latency(commit.p99_seconds)}`],
    ]),
  ));
}

const dataRate = (perSecond) => (isNumber(perSecond) ? `${bytes(perSecond)}/s` : UNKNOWN);

function showDelivery({ delivery, rates, queue, objects }) {
  const state = delivery.failing_since ? "warn" : delivery.last_success_at ? "good" : "idle";
  const words = {
    warn: ["Failing for ", since(delivery.failing_since)],
    good: queue.objects > 0 ? "Delivering" : "Delivered what there was",
    idle: "Nothing delivered yet",
  }[state];
  // The words of the store stand with the objects that it did not take, if there are any.
  const said = (objects?.retrying ?? []).length === 0 && troubled(delivery);
  part("delivery", [delivery, rates, queue.objects > 0, Boolean(said)], () => card(
    state, words, rate(rates?.delivered_items_per_second, "items"),
    said,
    list([
      ["Data", dataRate(rates?.delivered_bytes_per_second)],
      ["Last object", delivery.last_success_at ? ago(delivery.last_success_at) : "none yet"],
      ["Since start", several(delivery.objects_delivered, "object")],
    ]),
  ));
}

function showQueue({ queue, delivery, disk }) {
  const items = total(queue.items);
  const isEmpty = items === 0 && queue.objects === 0;
  const drains = isNumber(queue.seconds_until_drained);
  const isStuck = !isEmpty && !drains && Boolean(delivery.failing_since);
  const words = isEmpty ? "Empty" : drains ? `Drained in ${span(queue.seconds_until_drained)}`
    : isStuck ? "Not being drained" : "Waiting to be sealed or sent";
  part("queue", [queue, isStuck], () => card(
    isEmpty || drains ? "good" : isStuck ? "warn" : "idle", words, several(items, "item"),
    list([
      ["Size", bytes(queue.bytes)],
      ["Oldest", isNumber(queue.oldest_age_seconds) ? span(queue.oldest_age_seconds) : "nothing waits"],
      ["Of that", `${several(queue.segments, "segment")}, ${several(queue.objects, "object")}`],
    ]),
  ));
}

function showDisk({ disk, intake }) {
  const share = disk.budget_bytes > 0 ? disk.used_bytes / disk.budget_bytes : 0;
  const percent = share > 0 && share < 0.01 ? "< 1 %" : `${Math.floor(share * 100)} %`;
  const soon = isNumber(disk.seconds_until_full) && disk.seconds_until_full < 3600;
  const state = share >= 0.98 || (share >= 0.8 && !intake.taking) ? "bad" : share >= 0.8 || soon ? "warn" : "good";
  const words = state === "bad" ? "No room left" : share >= 0.8 ? "Nearly full" : soon ? "Full soon" : "Room left";
  part("disk", [disk, state], () => card(
    state, words, `${percent} of the budget`,
    make("div", { class: `bar ${state}`, role: "img", "aria-label": `${percent} of the budget of ${bytes(disk.budget_bytes)} is used` },
      bar(share)),
    list([
      ["Used", `${bytes(disk.used_bytes)} of ${bytes(disk.budget_bytes)}`],
      ["Free on disk", bytes(disk.free_bytes)],
      ["Full", state === "bad" ? "now" : isNumber(disk.seconds_until_full) ? `in ${span(disk.seconds_until_full)}` : "not at this rate"],
    ]),
  ));
}

function bar(share) {
  const drawing = draw("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(draw("rect", { width: Math.max(share > 0 ? 0.8 : 0, Math.min(100, share * 100)), height: 1 }));
  return drawing;
}

/** The address at which this browser's machine would reach a listener: who listens on everything has the host of this page. */
function reachable({ address, tls }) {
  if (address.startsWith("unix:")) return address;
  const everywhere = address.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, location.hostname);
  return `${tls ? "https" : "http"}://${everywhere}`;
}

/** Whether nobody has sent anything since the start, and nothing was left from before. */
const isUnused = ({ received, queue, delivery }) =>
  !received?.requests?.acknowledged && total(queue.items) === 0 && delivery.objects_delivered === 0;

function showStart(all) {
  const { listeners } = all;
  at("start").hidden = !isUnused(all);
  if (at("start").hidden) return;
  part("start", listeners, () => {
    const doors = listeners.filter((listener) => listener.name !== "admin");
    if (doors.length === 0) return make("p", {}, "No listener is on: set receive.grpc or receive.http.");
    const http = doors.find((door) => door.name === "http") ?? doors[0];
    const to = reachable(http);
    const protocol = http.name === "grpc" ? "grpc" : "http/protobuf";
    return [
      make("p", {}, "forebay takes OTLP at ", doors.flatMap((door, index) =>
        [index > 0 ? " and " : "", make("code", {}, reachable(door)), ` (${door.name})`]), ". Point a client at it:"),
      make("pre", { tabindex: 0, "aria-label": "Variables for a client" },
        make("code", {}, `export OTEL_EXPORTER_OTLP_ENDPOINT=${to}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}`)),
      make("p", {}, "or try it with one export of each signal:"),
      make("pre", { tabindex: 0, "aria-label": "Command for a try" },
        make("code", {}, `forebay send --to ${to} --protocol ${protocol}`)),
      http.auth && make("p", {}, "It asks for credentials: set OTEL_EXPORTER_OTLP_HEADERS as well."),
    ];
  });
}

function object(about, more, ...below) {
  const unit = SIGNALS[about.signal] ?? "items";
  return make("li", {},
    keyed(about.key),
    facts(about.output !== "main" && about.output, about.bucket && ["bucket ", make("b", {}, about.bucket)],
      several(about.items, unit.replace(/s$/, ""), unit), bytes(about.bytes), ...more),
    ...below);
}

/** What was asked to be shown in full. */
const opened = new Set();

/** The button by which a part that shows the first few of many shows all, and the other way round. */
function more(id, all, few, redraw) {
  if (all.length <= few) return null;
  const button = make("button", { class: "more", type: "button", "aria-expanded": String(opened.has(id)) },
    opened.has(id) ? `Show only ${few}` : `Show all ${all.length}`);
  button.addEventListener("click", () => {
    if (!opened.delete(id)) opened.add(id);
    redraw(status);
    at(id).querySelector(".more").focus();
  });
  return button;
}

const shownOf = (id, all, few) => (opened.has(id) ? all : all.slice(0, few));

function showRetrying({ objects }) {
  const retrying = objects?.retrying ?? [];
  at("retrying").hidden = retrying.length === 0;
  // The same words are not repeated below each object.
  const saysMore = (about, index) => about.last_error && about.last_error.message !== retrying[index - 1]?.last_error?.message;
  part("retrying", [retrying, opened.has("retrying")], () => [
    make("ol", { class: "objects" }, shownOf("retrying", retrying, FEW).map((about, index) => object(about,
      [several(about.attempts, "attempt"), about.last_error && ["last ", ago(about.last_error.at)],
        about.next_attempt_at && ["next ", until(about.next_attempt_at)]],
      saysMore(about, index) && make("p", { class: "words-of" }, about.last_error.message)))),
    more("retrying", retrying, FEW, showRetrying),
  ]);
}

function showDelivered({ objects, queue, delivery }) {
  const all = objects?.delivered ?? [];
  const waits = total(queue.items) > 0;
  part("delivered", [all, waits, delivery.failing_since, opened.has("delivered")], () => {
    if (all.length > 0) {
      return [
        make("ol", { class: "objects" }, shownOf("delivered", all, FEW).map((about) =>
          object(about, [about.attempts > 1 && several(about.attempts, "attempt"), ago(about.at)]))),
        more("delivered", all, FEW, showDelivered),
      ];
    }
    return make("p", { class: "quiet" }, delivery.failing_since ? "Nothing has been delivered since the start; the reasons stand above."
      : waits ? "Nothing delivered yet. Records become objects after log.seal_after; forebay flush does it now."
        : "Nothing delivered since the start: there was nothing to deliver.");
  });
}

function table(caption, heads, rows) {
  return make("div", { class: "table" }, make("table", {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows.map(([first, ...cells]) =>
      make("tr", {}, make("th", { scope: "row" }, first), cells.map((cell) => make("td", {}, cell)))))));
}

function showSignals({ received, queue, losses }) {
  const items = received?.items ?? {};
  const dropped = total(losses.dropped_items) > 0;
  part("signals", [items, queue.items, losses.dropped_items], () => table(
    "Items since the start", ["", "Received", "Waiting", ...(dropped ? ["Dropped"] : [])],
    Object.entries(SIGNALS).map(([signal, name]) => [
      name[0].toUpperCase() + name.slice(1), count(items[signal]), count(queue.items[signal]),
      ...(dropped ? [count(losses.dropped_items[signal])] : []),
    ]),
  ));
}

function showTenants({ received }) {
  const { tenants = [], tenants_left_out: leftOut = 0 } = received ?? {};
  part("tenants", [tenants, leftOut, opened.has("tenants")], () => (tenants.length === 0
    ? make("p", { class: "quiet" }, total(received?.items) > 0 ? "No request named a tenant." : "No request has come yet.")
    : [
      table("Since the start, by bytes", ["Tenant", "Items", "Bytes", "Last"], shownOf("tenants", tenants, FEW).map((tenant) => [
        tenant.name === "" ? make("i", {}, "without a tenant") : make("span", { title: tenant.name }, tenant.name),
        make("span", { title: `${several(tenant.requests, "request")}: ${bySignal(tenant.items)}` }, count(total(tenant.items))),
        bytes(tenant.bytes), ago(tenant.last_at),
      ])),
      more("tenants", tenants, FEW, showTenants),
      leftOut > 0 && make("p", { class: "quiet" }, `${several(leftOut, "tenant")} with less ${leftOut === 1 ? "is" : "are"} left out.`),
    ]));
}

function bySignal(items) {
  const named = Object.entries(SIGNALS).filter(([signal]) => items?.[signal] > 0);
  return named.map(([signal, name]) => `${count(items[signal])} ${name}`).join(", ") || "none";
}

function showOutputs({ outputs, objects }) {
  // What stands with the objects that are retried is not said again.
  const told = (objects?.retrying ?? []).map((about) => about.last_error?.message);
  const isTold = (words) => told.includes(words?.message);
  const troubledOnly = (of) => !isTold(of.last_error) && troubled(of);
  part("outputs", [outputs, told], () => make("ul", { class: "objects" }, (outputs ?? []).map((output) => make("li", {},
    make("p", { class: "state" }, ...health(output), make("b", {}, output.name), " ", keyed(output.destination)),
    backlog(output),
    (output.buckets ?? []).length > 0 && make("ul", {}, output.buckets.map((bucket) => make("li", {},
      make("p", { class: "state" }, ...health({ delivery: bucket }), "bucket ", make("b", {}, bucket.name)), backlog(bucket),
      troubledOnly(bucket)))),
    troubledOnly(output.delivery),
  ))));
}

function health({ delivery }) {
  const isFailing = Boolean(delivery.failing_since);
  return [sign(isFailing ? "warn" : "good"), isFailing ? ["failing for ", since(delivery.failing_since), " · "] : ""].flat();
}

const troubled = (delivery) => delivery.failing_since && delivery.last_error &&
  make("p", { class: "words-of" }, delivery.last_error.message, " ", ago(delivery.last_error.at));

const backlog = (of) => (of.objects > 0
  ? facts(`${several(of.objects, "object")} waiting`, bytes(of.bytes), isNumber(of.oldest_age_seconds) && `oldest ${span(of.oldest_age_seconds)}`)
  : facts("nothing waiting"));

function showListeners({ listeners }) {
  part("listeners", listeners, () => make("ul", { class: "objects" }, listeners.map((listener) => make("li", {},
    make("p", {}, make("b", {}, listener.name), " ", make("code", { class: "key" }, listener.address)),
    facts(listener.tls ? "TLS" : "in the clear", listener.auth ? "asks for credentials" : "open to all who reach it")))));
}

function showLosses({ losses }) {
  const lost = [
    ["Dropped, the disk being full", bySignal(losses.dropped_items), total(losses.dropped_items)],
    ["Damaged in the log", several(losses.damaged_records, "record"), losses.damaged_records + losses.damaged_ranges],
    ["Damaged in the spool", several(losses.damaged_objects, "object"), losses.damaged_objects],
  ].filter(([, , number]) => number > 0);
  part("losses", losses, () => (lost.length === 0
    ? make("p", { class: "state good" }, sign("good"), "Nothing was lost since the start.")
    : [make("p", { class: "state bad" }, sign("bad"), "Lost since the start"), list(lost.map(([term, what]) => [term, what]))]));
}

function showAbout({ version, writer, data_dir: folder, started_at: started }) {
  part("about", [version, writer, folder, started], () => [
    `forebay ${version}`, writer && `writer ${writer}`, started && ["started ", ago(started)], ["data in ", keyed(folder)],
  ].filter(Boolean).map((fact) => make("span", {}, fact)));
}

const PARTS = [
  showIntake, showDelivery, showQueue, showDisk, showStart, showRetrying, showDelivered, showSignals, showTenants, showOutputs, showListeners, showLosses, showAbout,
];
