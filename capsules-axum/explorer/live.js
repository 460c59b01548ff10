/**
 * Capsules as they are recorded.
 */

import * as api from "./api.js";
import { fill } from "./dom.js";
import { Capsule } from "./record.js";

const STATES = { connecting: "Connecting", live: "Live", lost: "Reconnecting", off: "Not live" };

/** How long a server that is away has until it is asked again. */
const PAUSE_MS = 5_000;

export class Live {
  #listeners = new Set();

  #tenant = null;

  #source = null;

  /** @param {HTMLElement} sign says whether the page is up to date */
  constructor(sign) {
    this.sign = sign;
  }

  /**
   * Follows the capsules of a tenant, or all of them, from the newest that there is.
   *
   * @param {string} tenant where stores keep a chain for each tenant, one has to be named
   */
  async follow(tenant) {
    if (this.#tenant === tenant) {
      return;
    }
    this.#tenant = tenant;
    this.#source?.close();
    this.#show("connecting");
    const newest = await this.#newest(tenant);
    if (this.#tenant === tenant) {
      this.#source = this.#open(tenant, newest);
    }
  }

  /**
   * @param {AbortSignal} signal ends the listening
   * @param {(capsule: Capsule) => void} tell
   */
  listen(signal, tell) {
    this.#listeners.add(tell);
    signal.addEventListener("abort", () => this.#listeners.delete(tell));
  }

  #open(tenant, newest) {
    const source = new EventSource(api.address("events", { tenant_id: tenant, after: newest }));
    source.addEventListener("open", () => this.#show("live"));
    // The browser connects again by itself and says which event it had last, unless it was refused.
    source.addEventListener("error", () =>
      this.#show(source.readyState === EventSource.CLOSED ? "off" : "lost"),
    );
    source.addEventListener("capsule", (event) => {
      const capsule = Capsule.read(event.data);
      for (const tell of this.#listeners) {
        tell(capsule);
      }
    });
    return source;
  }

  async #newest(tenant) {
    while (this.#tenant === tenant) {
      try {
        const { capsules } = await api.list({ tenant_id: tenant, limit: 1 });
        return capsules.length > 0 ? new Capsule(capsules[0]).sequence : null;
      } catch {
        this.#show("lost");
        await new Promise((resolve) => {
          setTimeout(resolve, PAUSE_MS);
        });
      }
    }
    return null;
  }

  #show(state) {
    this.sign.dataset.state = state;
    fill(this.sign.querySelector(".name"), STATES[state]);
  }
}
