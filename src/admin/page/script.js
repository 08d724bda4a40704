"use strict";

const condition = document.getElementById("condition");
const reasons = document.getElementById("reasons");

async function show() {
  try {
    const answer = await fetch("/status");
    const status = await answer.json();
    condition.textContent = status.condition ?? "";
    reasons.replaceChildren(...(status.reasons ?? []).map((reason) => {
      const line = document.createElement("li");
      line.textContent = reason;
      return line;
    }));
  } catch (error) {
    condition.textContent = String(error);
  }
}

show();
setInterval(show, 2000);
