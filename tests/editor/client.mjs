// A language client over standard input and output: just enough of the protocol to ask questions.

import { spawn } from "node:child_process";

/** A running language server and the conversation with it. */
export class Client {
  #server;
  #answers = new Map();
  #unread = Buffer.alloc(0);
  #lastId = 0;
  #documents = 0;

  constructor(program, args) {
    this.#server = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#server.stdout.on("data", (bytes) => this.#read(bytes));
  }

  /** Starts the conversation. */
  async initialize() {
    const completionItem = { snippetSupport: true, documentationFormat: ["markdown"] };
    const textDocument = {
      completion: { completionItem, contextSupport: true },
      hover: { contentFormat: ["markdown"] },
      diagnostic: {},
    };
    const answer = await this.request("initialize", {
      processId: process.pid,
      rootUri: null,
      capabilities: { textDocument, workspace: { didChangeConfiguration: {} } },
    });
    this.notify("initialized", {});
    return answer.capabilities;
  }

  /** Opens a document with `text` and gives its address. */
  open(text, languageId = "json") {
    this.#documents += 1;
    const uri = `file:///configs/${this.#documents}/olive-config.json`;
    this.notify("textDocument/didOpen", { textDocument: { uri, languageId, version: 1, text } });
    return uri;
  }

  /** Sends a question; the promise is its answer. */
  request(method, params) {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#send({ id, method, params });
    return new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
  }

  /** Sends what has no answer. */
  notify(method, params) {
    this.#send({ method, params });
  }

  /** Ends the conversation and the server. */
  async close() {
    await this.request("shutdown");
    this.notify("exit");
  }

  #send(message) {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #read(bytes) {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const end = this.#unread.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#unread.toString("utf8", 0, end))[1]);
      const start = end + 4;
      if (this.#unread.length < start + length) return;
      const message = JSON.parse(this.#unread.toString("utf8", start, start + length));
      this.#unread = this.#unread.subarray(start + length);
      this.#receive(message);
    }
  }

  #receive(message) {
    if (message.method && message.id !== undefined) {
      // The server asks for settings or registers something: it gets an empty answer.
      return this.#send({ id: message.id, result: null });
    }
    const answer = this.#answers.get(message.id);
    if (!answer) return;
    this.#answers.delete(message.id);
    if (message.error) answer.reject(new Error(message.error.message));
    else answer.resolve(message.result);
  }
}
