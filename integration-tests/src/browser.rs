//! What a browser does: requests as text, a visitor who keeps the cookie, links.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A page that takes longer will not come.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The whole answer of a server of this machine; `None` where nobody answers yet.
pub fn get(port: u16, path: &str) -> Option<String> {
    get_with(port, path, "")
}

/// The same, with more header lines.
pub fn get_with(port: u16, path: &str, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.set_read_timeout(Some(ANSWER_LIMIT)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A server that ends in the middle still has said what came so far.
    let _ = stream.read_to_end(&mut answer);
    Some(String::from_utf8_lossy(&answer).into_owned()).filter(|text| !text.is_empty())
}

/// Someone who came to a page and keeps the cookie of the session that began there.
#[derive(Clone, Debug)]
pub struct Visitor {
    port: u16,
    /// The header line.
    cookie: String,
}

impl Visitor {
    /// Comes to a page; answers the visitor and what the page shows. `None` where nobody answers yet, or
    /// no session begins.
    pub fn arrive(port: u16, path: &str) -> Option<(Visitor, String)> {
        let page = get(port, path)?;
        let (_, cookie) = page.split_once("Set-Cookie: ")?;
        let cookie = cookie.split([';', '\r']).next()?;
        Some((Visitor::with_cookie(port, cookie), page))
    }

    /// Someone whose cookie, `NAME=VALUE`, is of another time.
    pub fn with_cookie(port: u16, cookie: &str) -> Visitor {
        let cookie = format!("Cookie: {cookie}\r\n");
        Visitor { port, cookie }
    }

    /// The name of the cookie.
    pub fn cookie_name(&self) -> &str {
        let (_, pair) = self.cookie.split_once(' ').unwrap_or_default();
        pair.split('=').next().unwrap_or_default()
    }

    /// What the server answers, as it is.
    pub fn ask(&self, path: &str) -> Option<String> {
        get_with(self.port, path, &self.cookie)
    }

    /// What a browser shows: after an action the page is elsewhere.
    pub fn page(&self, path: &str) -> Option<String> {
        let answer = self.ask(path)?;
        match answer.split_once("Location: ") {
            Some((_, place)) => self.ask(place.lines().next().unwrap_or_default()),
            None => Some(answer),
        }
    }
}

/// The address behind the first link of a page that has this text; `None` where there is none.
pub fn link(page: &str, text: &str) -> Option<String> {
    let (before, _) = page.split_once(&format!(">{text}</a>"))?;
    let (_, address) = before.rsplit_once("href=\"")?;
    Some(address.split('"').next()?.replace("&amp;", "&"))
}
