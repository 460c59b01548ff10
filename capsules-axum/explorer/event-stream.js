/**
 * Server-sent events that end: read with `fetch`, which can be given headers and be cancelled.
 */

/**
 * @param {Response} response
 * @returns {AsyncGenerator<{ event: string, data: string }>}
 */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    text += value;
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop();
    for (const block of blocks) {
      const event = read(block);
      if (event.data) {
        yield event;
      }
    }
  }
}

function read(block) {
  const event = { event: "message", data: "" };
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") {
      event.event = value;
    } else if (field === "data") {
      event.data += (event.data && "\n") + value;
    }
  }
  return event;
}
