// The Vercel AI SDK; the first argument says by which provider.
import { createAlibaba } from "@ai-sdk/alibaba";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createDeepSeek } from "@ai-sdk/deepseek";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createMoonshotAI } from "@ai-sdk/moonshotai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createXai } from "@ai-sdk/xai";
import { base, key, model as name, must, notes, parameters, poor, receipted, refused, run } from "./lib.mjs";

// Providers of the newer kind need the SDK's newer major.
const newer = ["alibaba", "moonshotai"].includes(process.argv[2]);
const { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } = await import(newer ? "ai7" : "ai");
const providers = {
  compatible: (apiKey) => createOpenAICompatible({ name: "entrepot", baseURL: base, apiKey, includeUsage: true }),
  openai: (apiKey) => createOpenAI({ baseURL: base, apiKey }).chat,
  responses: (apiKey) => createOpenAI({ baseURL: base, apiKey }).responses,
  anthropic: (apiKey) => createAnthropic({ baseURL: base, apiKey }),
  google: (apiKey) => createGoogleGenerativeAI({ baseURL: `${base}beta`, apiKey }),
  xai: (apiKey) => createXai({ baseURL: base, apiKey }).chat,
  deepseek: (apiKey) => createDeepSeek({ baseURL: base, apiKey }),
  alibaba: (apiKey) => createAlibaba({ baseURL: base, apiKey }),
  moonshotai: (apiKey) => createMoonshotAI({ baseURL: base, apiKey }),
};
const noCredit = process.argv[2] === "anthropic" ? 402 : 429;
const provider = providers[process.argv[2]];
const model = provider(key)(name);
// OpenAI's Responses keep what was said on the server, if nobody says otherwise.
const providerOptions = process.argv[2] === "responses" ? { openai: { store: false } } : {};
const ask = { model, prompt: "Say something kind.", maxOutputTokens: 50, providerOptions };

await run({
  async chat() {
    const { text, usage, response } = await generateText(ask);
    must(text, "no text");
    await receipted(response.headers["x-entrepot-call"], usage.inputTokens, usage.outputTokens);
  },
  async stream() {
    let text = "";
    const result = streamText(ask);
    for await (const part of result.textStream) text += part;
    const usage = await result.usage;
    must(text && (await result.finishReason) && usage.outputTokens > 0, `${text} ${JSON.stringify(usage)}`);
    await receipted((await result.response).headers["x-entrepot-call"], usage.inputTokens, usage.outputTokens);
  },
  async tools() {
    // xAI's own server streams a call in one piece, and its provider takes each piece for a whole one.
    for (const how of process.argv[2] === "xai" ? [generateText] : [generateText, streamText]) {
      let read = null;
      const result = await how({ model, providerOptions, prompt: "What do the notes say?", stopWhen: stepCountIs(4), tools: {
        read_notes: tool({ description: "reads", inputSchema: jsonSchema(parameters),
          execute: async ({ name: which }) => ((read = which), "42") }) } });
      must((await result.text) === notes, await result.text);
      must(read === "today" && (await result.steps).length === 2, `called with ${read}`);
    }
  },
  async errors() {
    await refused(() => generateText({ ...ask, model: provider(key)("none") }),
      (error) => APICallError.isInstance(error) && error.statusCode === 404 && /Did you mean|does not exist/.test(error.message));
    await refused(() => generateText({ ...ask, model: provider("sk-ep-wrong")(name) }),
      (error) => APICallError.isInstance(error) && error.statusCode === 401 && /not valid/.test(error.message));
  },
  async credit() {
    await refused(() => generateText({ ...ask, maxRetries: 0, model: provider(poor)(name) }),
      (error) => APICallError.isInstance(error) && error.statusCode === noCredit && /credit/.test(error.message));
  },
  async cut() {
    const told = [];
    for await (const part of streamText({ ...ask, onError: () => {} }).fullStream) if (part.type === "error") told.push(part.error);
    must(told.length > 0 && /broke the answer off/.test(JSON.stringify(told[0]?.message ?? told[0])), JSON.stringify(told));
  },
});
