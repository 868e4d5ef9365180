//! A master and a slave of it, both real daemons: the same expression in the full image, pulled, and
//! in the slim image of what it pulled.

use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, free_port, master, slave, start,
};

/// Both daemons.
pub struct Pair {
    folder: tempfile::TempDir,
    master_url: String,
    slave_url: String,
    _master: Running,
    slave: Running,
}

impl Pair {
    /// Serves a project or image, and starts a slave with these options and this environment.
    pub fn start(served: &Path, options: &[&str], environment: &[(&str, &str)]) -> Pair {
        let folder = tempfile::tempdir().unwrap();
        let url = || format!("http://127.0.0.1:{}", free_port().unwrap());
        let (master_url, slave_url) = (url(), url());
        let served = served.display().to_string();
        let serve = ["serve", &served, "--listen", &master_url];
        let run = ["run", "--master", &master_url, "--listen", &slave_url];
        let run = [&run[..], options].concat();
        let pair = Pair {
            _master: start("master", folder.path(), &serve, &[]),
            slave: start("slave", folder.path(), &run, environment),
            folder,
            master_url,
            slave_url,
        };
        assert_eventually("a slave", || {
            (pair.slave(&["status"]).code == Some(0)).then_some(())
        });
        pair
    }

    /// The folder that both work in.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// An expression's value in the full image, as it prints itself.
    pub fn full(&self, expression: &str) -> String {
        let ended = master(self.path(), &["ctl", &self.master_url, "run", expression]);
        format!("{}{}", ended.stdout, ended.stderr)
            .trim_end()
            .to_string()
    }

    /// The same of a string: its text.
    pub fn full_text(&self, expression: &str) -> String {
        let printed = self.full(expression);
        let text = printed
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''));
        text.unwrap_or(&printed).replace("''", "'")
    }

    /// Where the slave takes orders.
    pub fn slave_url(&self) -> &str {
        &self.slave_url
    }

    /// Gives the slave an order.
    pub fn slave(&self, order: &[&str]) -> Ended {
        slave(self.path(), &[&["ctl", &self.slave_url], order].concat())
    }

    /// Waits until the slave has said these words.
    pub fn await_slave_words(&mut self, words: &str) {
        self.slave.await_words(words);
    }

    /// An expression's value in a slave that begins empty.
    pub fn pulled(&self, expression: &str) -> String {
        let ended = self.slave(&["run", expression]);
        format!("{}{}", ended.stdout, ended.stderr)
            .trim_end_matches('\n')
            .to_string()
    }

    /// What the slim image of the last run says when it runs alone.
    pub fn slim(&self) -> Ended {
        let written = self.slave(&["snapshot", "slim.image"]);
        assert_eq!(written.code, Some(0), "{written:?}");
        slave(self.path(), &["run", "slim.image"])
    }

    /// Bytes of all answers to the slave so far.
    pub fn pulled_bytes(&self) -> u64 {
        let status = self.slave(&["status"]).stdout;
        let mut lines = status.lines();
        let line = lines.find(|line| line.ends_with("imprint_pulled_bytes_total"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .unwrap()
    }
}
