//! One HTTP request, as text.

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
