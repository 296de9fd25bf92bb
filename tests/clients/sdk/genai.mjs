// Google's SDK for Gemini; the first argument says which major: genai (3) or genai2 (2).
import { base, hello, key, model, must, notes, parameters, poor, receipted, refused, run } from "./lib.mjs";

const { GoogleGenAI, ApiError } = await import(process.argv[2] === "genai2" ? "genai2" : "@google/genai");
const baseUrl = base.replace(/\/v1$/, "");
const make = (apiKey, more = {}) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl, ...more } });
const client = make(key);
const ask = { model, contents: hello[0].content, config: { maxOutputTokens: 50 } };
const task = { model, contents: "What do the notes say?", config: { tools: [{ functionDeclarations: [
  { name: "read_notes", description: "reads", parametersJsonSchema: parameters }] }] } };
const told = (answer) => receipted(`call_${answer.responseId}`, answer.usageMetadata.promptTokenCount,
  answer.usageMetadata.candidatesTokenCount + (answer.usageMetadata.thoughtsTokenCount ?? 0));

await run({
  async chat() {
    for (const apiVersion of ["v1", "v1beta"]) {
      const answer = await make(key, { apiVersion }).models.generateContent({ ...ask, config: { ...ask.config, systemInstruction: "Be kind." } });
      must(answer.text && answer.candidates[0].finishReason === "STOP", "no text");
      await told(answer);
    }
  },
  async stream() {
    let text = "", last = null;
    for await (const chunk of await client.models.generateContentStream(ask)) {
      text += chunk.text ?? "";
      last = chunk;
    }
    must(text && last.candidates[0].finishReason === "STOP", text);
    await told(last);
  },
  async helper() {
    const chat = client.chats.create({ model, config: ask.config });
    must((await chat.sendMessage({ message: "Say something kind." })).text, "no text");
    must((await chat.sendMessage({ message: "And again." })).text, "no text behind its own answer");
  },
  async tools() {
    for (const stream of [false, true]) {
      const next = async (contents) => {
        if (!stream) return (await client.models.generateContent({ ...task, contents })).candidates[0].content.parts;
        const parts = [];
        for await (const chunk of await client.models.generateContentStream({ ...task, contents }))
          parts.push(...chunk.candidates[0].content.parts.filter((part) => part.text !== ""));
        return parts;
      };
      const asked = { role: "user", parts: [{ text: task.contents }] };
      const first = await next([asked]);
      const { functionCall } = first.find((part) => part.functionCall);
      must(functionCall.name === "read_notes" && functionCall.args.name === "today", JSON.stringify(first));
      const last = await next([asked, { role: "model", parts: first }, { role: "user", parts: [
        { functionResponse: { id: functionCall.id, name: "read_notes", response: { output: "42" } } }] }]);
      must(last.map((part) => part.text ?? "").join("") === notes, JSON.stringify(last));
    }
  },
  async count() {
    const counted = await client.models.countTokens({ model, contents: ask.contents });
    must(counted.totalTokens === (await client.models.generateContent(ask)).usageMetadata.promptTokenCount, `${counted.totalTokens}`);
  },
  async models() {
    const names = [];
    for await (const one of await client.models.list()) names.push(one.name);
    const one = await client.models.get({ model });
    must(names.includes(`models/${model}`) && one.name === `models/${model}` && one.inputTokenLimit > 0, `${names}`);
  },
  async errors() {
    const status = (code, name, word) => (error) => error instanceof ApiError && error.status === code && error.message.includes(name) &&
      error.message.includes(word);
    await refused(() => client.models.generateContent({ ...ask, model: "none" }), status(404, "NOT_FOUND", "model"));
    await refused(() => client.models.generateContent({ ...ask, config: { maxOutputTokens: -1 } }),
      status(400, "INVALID_ARGUMENT", "generationConfig.maxOutputTokens"));
    await refused(() => make("sk-ep-wrong").models.generateContent(ask), status(401, "UNAUTHENTICATED", "not valid"));
  },
  async credit() {
    await refused(() => make(poor).models.generateContent(ask), (error) => error.status === 429 && /credit/.test(error.message));
  },
  async cut() {
    await refused(async () => {
      for await (const _ of await client.models.generateContentStream(ask));
    }, (error) => error instanceof ApiError && /broke the answer off/.test(error.message));
  },
});
