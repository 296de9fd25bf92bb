// A real model as an upstream: the chat completions API in front of llama.cpp on this machine's CPU.
// node upstream.mjs MODEL.gguf PORT; the model's own vocabulary counts its tokens.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { getLlama, LlamaCompletion } from "node-llama-cpp";

const NAME = "gemma-3-270m";
const [path, port] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
let busy = Promise.resolve(); // one answer at a time: the machine is small

function textOf(content) {
  return typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
}

// The weights are a base model's, without a chat template: it goes on with the text it is given. One
// thread: more than the machine has cores makes them wait for each other.
async function answer(ask, onText, signal) {
  const context = await model.createContext({ contextSize: 1024, threads: 1 });
  try {
    const completion = new LlamaCompletion({ contextSequence: context.getSequence() });
    const prompt = model.tokenize(ask.messages.map((message) => textOf(message.content)).join("\n"));
    let output = 0;
    const result = await completion.generateCompletionWithMeta(prompt, {
      maxTokens: Math.min(ask.max_completion_tokens ?? ask.max_tokens ?? 64, 256),
      temperature: ask.temperature ?? 0, signal,
      onToken: (tokens) => { output += tokens.length; },
      onTextChunk: onText,
    });
    const input = prompt.length;
    return { text: result.response, finish: result.metadata.stopReason === "maxTokens" ? "length" : "stop",
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } };
  } finally {
    await context.dispose();
  }
}

async function serve(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const ask = JSON.parse(Buffer.concat(parts));
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: NAME, system_fingerprint: null };
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const chunk = (choices, more) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, ...more })}\n\n`);
  if (ask.stream) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    chunk([{ index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }]);
  }
  const done = await answer(ask, (text) => {
    if (ask.stream) chunk([{ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }]);
  }, gone.signal);
  if (ask.stream) {
    chunk([{ index: 0, delta: {}, logprobs: null, finish_reason: done.finish }]);
    if (ask.stream_options?.include_usage) chunk([], { usage: done.usage });
    response.end("data: [DONE]\n\n");
  } else {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...head, object: "chat.completion", usage: done.usage,
      choices: [{ index: 0, finish_reason: done.finish, logprobs: null,
        message: { role: "assistant", content: done.text, refusal: null } }] }));
  }
}

createServer((request, response) => {
  if (request.method !== "POST" || !request.url.endsWith("/chat/completions")) {
    response.writeHead(404).end();
    return;
  }
  busy = busy.then(() => serve(request, response)).catch((error) => {
    console.error(error);
    response.destroy();
  });
}).listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${port}`));
