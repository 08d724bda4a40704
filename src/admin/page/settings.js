// The configuration, asked for when its part is opened. Secrets never come here: the server hides them.

let settings = null;

async function lookAtSettings() {
  if (!at("settings").open) return;
  try {
    settings = (await ask("/config")).settings;
    showSettings();
  } catch (error) {
    at("settings-count").textContent = `The configuration cannot be shown: ${error.message}`;
  }
}

/** The settings that the person looks for, changed ones first. */
function showSettings() {
  const wanted = at("filter").value.trim().toLowerCase();
  const text = ({ value }) => (typeof value === "string" ? value : JSON.stringify(value) ?? "");
  const shown = settings
    .filter((setting) => setting.changed || !at("changed").checked)
    .filter((setting) => `${setting.key} ${text(setting)} ${setting.origin}`.toLowerCase().includes(wanted))
    .sort((one, other) => Number(other.changed) - Number(one.changed));
  const changed = settings.filter((setting) => setting.changed).length;
  at("settings-count").textContent = `${shown.length} of ${several(settings.length, "setting")}; ${changed} changed.`;
  const rows = shown.map((setting) => [
    keyed(setting.key), make("code", { class: "value" }, text(setting) || "–"),
    setting.changed ? make("b", {}, setting.origin) : setting.origin,
  ]);
  at("settings-table").replaceChildren(...(rows.length > 0 ? [table("Settings", ["Setting", "Value", "Where from"], rows)] : []));
}

at("settings").addEventListener("toggle", lookAtSettings);
at("settings-form").addEventListener("submit", (event) => event.preventDefault());
at("settings-form").addEventListener("input", () => settings && showSettings());
