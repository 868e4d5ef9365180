//! The counter as it runs, to be pushed into.

use std::fs;
use std::path::{Path, PathBuf};

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, example, free_port, master, slave, start,
};

use imprint_integration_tests::browser::{get, get_with};

/// The counter, shrunk and running, and a copy of its sources.
pub struct App {
    pub folder: tempfile::TempDir,
    pub port: u16,
    pub url: String,
    pub slave: Running,
    /// What the server wants to be sent with each request: one session is enough.
    cookie: String,
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

impl App {
    /// Shrinks it and lets it run.
    pub fn start() -> App {
        let folder = tempfile::tempdir().unwrap();
        copy(&example("counter"), &folder.path().join("counter"));
        let shrink = ["shrink", "counter", "-o", "counter.image"];
        let shrunk = master(folder.path(), &shrink);
        assert_eq!(shrunk.code, Some(0), "{shrunk:?}");
        App::run(folder)
    }

    /// Lets the slim image in a folder run.
    pub fn run(folder: tempfile::TempDir) -> App {
        let port = free_port().unwrap();
        let url = format!("http://127.0.0.1:{}", free_port().unwrap());
        let run = ["run", "counter.image", "--listen", &url];
        let slave = start("slave", folder.path(), &run, &[("PORT", &port.to_string())]);
        let first = assert_eventually("the page", || get(port, "/counter"));
        let cookie = first
            .split("Set-Cookie: ")
            .nth(1)
            .expect("a session begins");
        let cookie = cookie.split(';').next().unwrap_or_default();
        App {
            folder,
            port,
            url,
            slave,
            cookie: format!("Cookie: {cookie}\r\n"),
        }
    }

    /// The file of a class.
    pub fn file(&self, class: &str) -> PathBuf {
        let name = format!("counter/src/Counter/{class}.class.st");
        self.folder.path().join(name)
    }

    /// Replaces some text of a class's file.
    pub fn edit(&self, class: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(class)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.file(class), text.replacen(from, to, 1)).unwrap();
    }

    /// Pushes of the sources.
    pub fn push(&self, arguments: &[&str]) -> Ended {
        let to = ["push", "--to", &self.url, "--in", "counter"];
        master(self.folder.path(), &[&to, arguments].concat())
    }

    /// The same where it must succeed; answers what was told.
    pub fn pushed(&self, arguments: &[&str]) -> String {
        let ended = self.push(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }

    /// What a browser shows at a path.
    pub fn page(&self, path: &str) -> String {
        let get = |path: &str| get_with(self.port, path, &self.cookie);
        let answer = get(path).expect("the application answers");
        // After an action the page is elsewhere.
        match answer.split("Location: ").nth(1) {
            Some(rest) => {
                let place = rest.lines().next().unwrap_or_default();
                get(place).expect("the application answers")
            }
            None => answer,
        }
    }

    /// Gives the slave an order.
    pub fn ctl(&self, order: &[&str]) -> Ended {
        slave(self.folder.path(), &[&["ctl", &self.url], order].concat())
    }
}

/// A full image that runs as it was built, with the application started.
pub fn run_full(path: &Path, image: &str) -> (Running, u16, String) {
    let port = free_port().unwrap();
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let entry = "CounterApplication start";
    let run = ["run", "--listen", &url, image, "eval", entry];
    let running = start("master", path, &run, &[("PORT", &port.to_string())]);
    assert_eventually("the page", || get(port, "/counter"));
    (running, port, url)
}
