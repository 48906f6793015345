//! A browser driven over WebDriver: HTTP and JSON over a loopback socket, no more of either than chromedriver speaks.
//!
//! Knows browsers and pages in general; what stands on ours is known beside this file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a page may take to become what a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys as WebDriver writes them.
pub const ENTER: &str = "\u{e007}";
/// The same of the arrow to the left.
pub const LEFT: &str = "\u{e012}";

/// A headless browser with one page. It ends with the value.
pub struct Browser {
    driver: Child,
    /// Its output, which must stay open.
    _said: BufReader<ChildStdout>,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts a browser; none where this machine has none.
    pub fn start() -> Option<Browser> {
        let (driver, chromium) = (program("chromedriver")?, program("chromium")?);
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let (port, said) = port_of(&mut driver);
        let mut browser = Browser { driver, _said: said, port, session: String::new() };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
        ];
        let options = json!({"binary": chromium, "args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let made = browser.send("POST", "/session", &wanted).unwrap_or_else(|why| panic!("no browser: {why}"));
        browser.session = format!("/session/{}", made["sessionId"].as_str().expect("a session has an id"));
        Some(browser)
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.ask("/url", &json!({"url": url}));
    }

    /// What a piece of JavaScript returns.
    pub fn run(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a piece of JavaScript gives to its last argument, later.
    pub fn run_later(&self, script: &str) -> Value {
        self.ask("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression of JavaScript is true, and gives its value.
    #[track_caller]
    pub fn wait(&self, expression: &str) -> Value {
        let began = Instant::now();
        loop {
            let value = self.run(&format!("return ({expression});"));
            let is_true = !matches!(&value, Value::Null | Value::Bool(false)) && value != json!(0) && value != json!("");
            if is_true {
                return value;
            }
            if began.elapsed() > PATIENCE {
                let text = self.run("return document.body.innerText.slice(0, 2000);");
                panic!("{expression} did not become true; the page says: {text}, the browser: {:?}", self.complaints());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The text of the first element of a selector, once there is one.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let found =
            self.wait(&format!("document.querySelector({}) && {{ text: document.querySelector({0}).innerText }}", quoted(selector)));
        found["text"].as_str().unwrap_or_default().to_string()
    }

    /// Clicks on an element as a person does: it must be there and not be covered.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.ask(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.ask(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// The page's width and height, as a phone's if it is narrow.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// Light or dark, as the system would say it.
    pub fn prefer(&self, theme: &str) {
        self.devtools("Emulation.setEmulatedMedia", json!({"features": [{"name": "prefers-color-scheme", "value": theme}]}));
    }

    /// Errors that the browser has told since the last call: scripts that failed, files that were not found, breaches of the policy.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.ask("/se/log", &json!({"type": "browser"}));
        let severe = entries.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_string()).collect()
    }

    fn devtools(&self, command: &str, parameters: Value) {
        self.ask("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        self.wait(&format!("document.querySelector({})", quoted(selector)));
        let found = self.ask("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().expect("an element has an id").to_string()
    }

    #[track_caller]
    fn ask(&self, path: &str, body: &Value) -> Value {
        self.send("POST", &format!("{}{path}", self.session), body).unwrap_or_else(|why| panic!("{path} {body}: {why}"))
    }

    /// A command and what it gave; else why not.
    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let answer =
            exchange(self.port, method, path, &body.to_string()).map_err(|error| format!("chromedriver does not answer: {error}"))?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| format!("chromedriver answers no JSON: {error}"))?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].clone()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.send("DELETE", &self.session, &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The body of the answer to a request.
fn exchange(port: u16, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n")?;
    write!(stream, "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer)?;
    Ok(answer)
}

/// A program on the path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The port that a chromedriver says it has found, and its output behind that.
fn port_of(driver: &mut Child) -> (u16, BufReader<ChildStdout>) {
    let mut said = BufReader::new(driver.stdout.take().expect("its output is read"));
    loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).is_ok_and(|bytes| bytes > 0), "chromedriver ends without telling its port");
        if let Some(port) = line.split("successfully on port ").nth(1) {
            return (port.trim().trim_end_matches('.').parse().expect("a port is a number"), said);
        }
    }
}

/// A text as JavaScript writes it.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
