//! The counter as it runs, to be pushed into.

use std::fs;
use std::path::{Path, PathBuf};

use imprint_integration_tests::browser::{Visitor, get};
use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, copy_folder, example, free_port, master, slave, start,
};

/// The counter, shrunk and running, and a copy of its sources.
pub struct App {
    pub folder: tempfile::TempDir,
    pub port: u16,
    pub url: String,
    pub slave: Running,
    /// One session is enough.
    visitor: Visitor,
}

impl App {
    /// Shrinks it and lets it run.
    pub fn start() -> App {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&example("counter"), &folder.path().join("counter")).unwrap();
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
        let arrive = || Visitor::arrive(port, "/counter");
        let (visitor, _) = assert_eventually("the page", arrive);
        App {
            folder,
            port,
            url,
            slave,
            visitor,
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
        let page = self.visitor.page(path);
        page.expect("the application answers")
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
