//! Visits a web application as a browser would: one page, one click.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 5;

/// What came of a visit.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// The port that was visited.
    pub port: u16,
    /// Status of the first page.
    pub status: u16,
    /// Whether a click on its first link changed the page.
    pub click_counted: bool,
}

/// Visits the page at `/` of a server on this machine and clicks its first link; tries to connect
/// until `patience` has passed.
///
/// # Errors
/// Where nobody answers, or answers no HTTP.
pub fn visit(port: u16, patience: Duration) -> io::Result<Visit> {
    let mut browser = Browser {
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        cookies: Vec::new(),
    };
    let end = Instant::now() + patience;
    let first = loop {
        match browser.get("/") {
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < end =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => break other?,
        }
    };
    let mut visit = Visit {
        port,
        status: first.status,
        click_counted: false,
    };
    if let Some(link) = first_link(&first.body) {
        let second = browser.get(&link)?;
        visit.click_counted = second.status == 200 && heading(&second.body) != heading(&first.body);
    }
    Ok(visit)
}

/// The text of the first heading: what a counter counts in.
fn heading(body: &str) -> Option<&str> {
    let start = body.find("<h1>")? + 4;
    let end = body[start..].find("</h1>")? + start;
    Some(&body[start..end])
}

/// The target of the first link that is not to another site.
fn first_link(body: &str) -> Option<String> {
    let targets = body
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let own = targets.filter(|target| target.starts_with('/') || target.starts_with('?'));
    own.map(|target| target.replace("&amp;", "&")).next()
}

struct Response {
    status: u16,
    body: String,
}

struct Browser {
    address: SocketAddr,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn get(&mut self, path: &str) -> io::Result<Response> {
        let mut path = path.to_string();
        for _ in 0..REDIRECTS_MAX {
            let (head, body) = self.exchange(&path)?;
            let status = head
                .split(' ')
                .nth(1)
                .and_then(|word| word.parse().ok())
                .unwrap_or(0);
            self.remember_cookies(&head);
            match header(&head, "location").filter(|_| (300..400).contains(&status)) {
                Some(location) => path = path_of(location),
                None => return Ok(Response { status, body }),
            }
        }
        Err(io::Error::other("the server redirects without end"))
    }

    fn exchange(&self, path: &str) -> io::Result<(String, String)> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookie = if cookies.is_empty() {
            String::new()
        } else {
            format!("Cookie: {}\r\n", cookies.join("; "))
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}\r\n",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| io::Error::other("the answer is no HTTP"))?;
        Ok((head.to_string(), body.to_string()))
    }

    fn remember_cookies(&mut self, head: &str) {
        for line in head.lines() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let pair = value
                .split(';')
                .next()
                .and_then(|pair| pair.trim().split_once('='));
            if let (true, Some((name, value))) = (name.eq_ignore_ascii_case("set-cookie"), pair) {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_string(), value.to_string()));
            }
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// The path of a location, which may name the host too.
fn path_of(location: &str) -> String {
    match location.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .map_or("/".to_string(), |at| rest[at..].to_string()),
        None => location.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_own_link_and_the_heading_are_found() {
        let body = "<a href=\"http://else/\">x</a><h1>0</h1><a href=\"/c?a=1&amp;b=2\">++</a>";
        assert_eq!(first_link(body).as_deref(), Some("/c?a=1&b=2"));
        assert_eq!(heading(body), Some("0"));
        assert_eq!(path_of("http://127.0.0.1:80/x?y"), "/x?y");
    }
}
