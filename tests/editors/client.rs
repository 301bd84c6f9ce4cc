//! As much of an editor as the test needs: it speaks the language server protocol over pipes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// So long it may take until all is loaded, or an answer comes.
const PATIENCE: Duration = Duration::from_secs(600);

/// A place in the program.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// Takes the marks `|NAME|` out of a program, and returns where they were.
pub(crate) fn spots(marked: &str) -> (String, HashMap<String, Spot>) {
    let (mut spots, mut source) = (HashMap::new(), String::new());
    for (number, line) in marked.lines().enumerate() {
        let mut plain = String::new();
        let mut rest = line;
        while let Some((before, name, after)) = mark(rest) {
            plain += before;
            spots.insert(name.to_owned(), Spot { line: number as u64, column: plain.len() as u64 });
            rest = after;
        }
        source += &format!("{plain}{rest}\n");
    }
    (source, spots)
}

/// What is before the first mark, its name, and what is behind it. `||` is none.
fn mark(line: &str) -> Option<(&str, &str, &str)> {
    let start = line.match_indices('|').map(|(at, _)| at).find(|at| line[at + 1..].starts_with(char::is_alphabetic))?;
    let (name, after) = line[start + 1..].split_once('|')?;
    Some((&line[..start], name, after))
}

/// The program, where it is installed.
pub(crate) fn server() -> Option<PathBuf> {
    let answers = |program: &Path| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let program = PathBuf::from("rust-analyzer");
    answers(&program).then_some(program)
}

pub(crate) struct Client {
    server: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    file: String,
    asked: u64,
}

impl Client {
    /// Opens a program of a crate, and waits until everything is loaded.
    pub(crate) fn open(server: &Path, folder: &Path, source: &str) -> Self {
        let mut command = Command::new(server);
        command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Cargo tells its own programs more than a server should know.
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG") || name == "CARGO_MANIFEST_DIR")
        {
            command.env_remove(name);
        }
        let mut server = command.spawn().expect("rust-analyzer starts");
        let to = server.stdin.take().expect("a pipe");
        let mut from = BufReader::new(server.stdout.take().expect("a pipe"));
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut from) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let file = format!("file://{}", folder.join("src/main.rs").display());
        let mut client = Self { server, to, from: receiver, file, asked: 0 };
        client.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "rootUri": format!("file://{}", folder.display()),
                "capabilities": {
                    "experimental": { "serverStatusNotification": true },
                    "textDocument": { "hover": { "contentFormat": ["markdown"] } },
                },
                "initializationOptions": {
                    "cargo": { "buildScripts": { "enable": true } },
                    "procMacro": { "enable": true },
                    "checkOnSave": false,
                },
            }),
        );
        client.notify("initialized", json!({}));
        let document = json!({ "uri": client.file, "languageId": "rust", "version": 1, "text": source });
        client.notify("textDocument/didOpen", json!({ "textDocument": document }));
        client.wait_for(|message| {
            message["method"] == "experimental/serverStatus" && message["params"]["quiescent"] == true
        });
        client
    }

    /// What is shown of what stands there.
    pub(crate) fn hover(&mut self, spot: Spot) -> String {
        let answer = self.ask("hover", spot, json!({}));
        answer["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// The lines that the definition of what stands there is in.
    pub(crate) fn definition(&mut self, spot: Spot) -> Vec<u64> {
        let answer = self.ask("definition", spot, json!({}));
        super::super::lines(answer.as_array().map_or(&[], Vec::as_slice), "range")
    }

    /// What could be written there.
    pub(crate) fn completion(&mut self, spot: Spot) -> Vec<String> {
        let answer = self.ask("completion", spot, json!({}));
        let items = answer["items"].as_array().or(answer.as_array()).cloned().unwrap_or_default();
        items.iter().filter_map(|item| item["label"].as_str().map(str::to_owned)).collect()
    }

    /// The lines that would change if what stands there had another name.
    pub(crate) fn rename(&mut self, spot: Spot, name: &str) -> Vec<u64> {
        let answer = self.ask("rename", spot, json!({ "newName": name }));
        let edits = answer["documentChanges"][0]["edits"].as_array().or(answer["changes"][&self.file].as_array());
        super::super::lines(edits.map_or(&[], Vec::as_slice), "range")
    }

    pub(crate) fn close(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let _ = self.server.wait();
    }

    fn ask(&mut self, what: &str, spot: Spot, more: Value) -> Value {
        let mut params = json!({
            "textDocument": { "uri": self.file },
            "position": { "line": spot.line, "character": spot.column },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            params[name] = value.clone();
        }
        self.request(&format!("textDocument/{what}"), params)
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.wait_for(|message| message["id"] == id && message["method"].is_null());
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The first message that is meant. What the server asks meanwhile is answered with nothing.
    fn wait_for(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.from.recv_timeout(PATIENCE).expect("rust-analyzer answers");
            if is_it(&message) {
                return message;
            }
            if !message["method"].is_null() && !message["id"].is_null() {
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": null }));
            }
        }
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("rust-analyzer listens");
        self.to.flush().expect("rust-analyzer listens");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Also when an assertion has failed.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// One message, or `None` at the end.
fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
