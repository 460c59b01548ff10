/**
 * Capsules as they are recorded.
 */

import * as api from "./api.js";
import { fill } from "./dom.js";
import { Capsule } from "./record.js";

const STATES = { connecting: "Connecting", live: "Live", lost: "Reconnecting" };

export class Live {
  #listeners = new Set();

  /** @param {HTMLElement} sign says whether the page is up to date */
  constructor(sign) {
    this.sign = sign;
  }

  /** Begins after the newest capsule that there is. */
  async start() {
    const newest = await this.#newest();
    const source = new EventSource(api.address("events", { after: newest }));
    source.addEventListener("open", () => this.#show("live"));
    // The browser connects again by itself and says which event it had last.
    source.addEventListener("error", () => this.#show("lost"));
    source.addEventListener("capsule", (event) => {
      const capsule = Capsule.read(event.data);
      for (const tell of this.#listeners) {
        tell(capsule);
      }
    });
  }

  /**
   * @param {AbortSignal} signal ends the listening
   * @param {(capsule: Capsule) => void} tell
   */
  listen(signal, tell) {
    this.#listeners.add(tell);
    signal.addEventListener("abort", () => this.#listeners.delete(tell));
  }

  async #newest() {
    for (;;) {
      try {
        const { capsules } = await api.list({ limit: 1 });
        return capsules.length > 0 ? new Capsule(capsules[0]).sequence : null;
      } catch {
        this.#show("lost");
        await new Promise((resolve) => {
          setTimeout(resolve, 5_000);
        });
      }
    }
  }

  #show(state) {
    this.sign.dataset.state = state;
    fill(this.sign.querySelector(".name"), STATES[state]);
  }
}
