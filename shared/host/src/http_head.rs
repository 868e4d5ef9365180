//! The head of an HTTP/1 request, read strictly: what `WebHeadParser` of the kernel does in Smalltalk, and the same
//! cases decide for both (`WebHeadParserTest` there, the tables below here).
//!
//! `httparse` knows the grammar; what it tolerates and two servers in a row could read differently is refused
//! around it: a line feed without its carriage return, an empty line before the request, bytes above ASCII in the
//! target. How a body is framed is not looked at here: that is the same Smalltalk code for both parsers.

use thiserror::Error;

/// Header fields that are read; a head with more is left to the image's own limits.
const FIELDS_MAX: usize = 256;

/// A whole head, borrowed from the bytes it was read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHead<'bytes> {
    /// Bytes of the head, its last empty line included.
    pub length: usize,
    /// E.g. `GET`.
    pub method: &'bytes [u8],
    /// What is asked for, as it was spelled.
    pub target: &'bytes [u8],
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor_version: u8,
    /// Names and values, in their order; values without the blanks around them.
    pub fields: Vec<(&'bytes [u8], &'bytes [u8])>,
}

/// Why the bytes are no head of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HeadError {
    /// A line ends otherwise than in CR LF.
    #[error("a line feed without a carriage return")]
    BareLineFeed,
    /// The first line is empty.
    #[error("the request line is not of the form METHOD TARGET VERSION")]
    EmptyFirstLine,
    /// The target is no URL.
    #[error("the target holds a character that no URL may hold")]
    Target,
    /// Only 1.0 and 1.1 are spoken.
    #[error("the version is neither HTTP/1.1 nor HTTP/1.0")]
    Version,
    /// A field name, or a blank where none may be.
    #[error("a name holds a character that no name may hold")]
    FieldName,
    /// A control character.
    #[error("a value holds a control character")]
    FieldValue,
    /// Any other fault of the first line, or of a line's end.
    #[error("the head of this request is malformed")]
    Malformed,
    /// More fields than are read here.
    #[error("the head of this request has too many fields")]
    TooManyFields,
}

/// Reads the head at the start of `bytes`; `None` where its end has not come.
///
/// # Errors
/// What is malformed, as soon as it is seen.
pub fn request_head(bytes: &[u8]) -> Result<Option<RequestHead<'_>>, HeadError> {
    if matches!(bytes.first(), Some(b'\r' | b'\n')) {
        return Err(HeadError::EmptyFirstLine);
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes).map_err(refusal)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => {
            check_line_ends(bytes)?;
            return Ok(None);
        }
    };
    check_line_ends(&bytes[..length])?;
    let target = request.path.ok_or(HeadError::Malformed)?.as_bytes();
    if !target.iter().all(u8::is_ascii_graphic) {
        return Err(HeadError::Target);
    }
    Ok(Some(RequestHead {
        length,
        method: request.method.ok_or(HeadError::Malformed)?.as_bytes(),
        target,
        minor_version: request.version.ok_or(HeadError::Version)?,
        fields: request.headers.iter().map(field).collect(),
    }))
}

fn field<'bytes>(header: &httparse::Header<'bytes>) -> (&'bytes [u8], &'bytes [u8]) {
    (header.name.as_bytes(), header.value)
}

/// Every line feed follows a carriage return.
fn check_line_ends(bytes: &[u8]) -> Result<(), HeadError> {
    let is_bare = |at: usize| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r');
    match (0..bytes.len()).any(is_bare) {
        true => Err(HeadError::BareLineFeed),
        false => Ok(()),
    }
}

fn refusal(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::HeaderName => HeadError::FieldName,
        httparse::Error::HeaderValue => HeadError::FieldValue,
        httparse::Error::TooManyHeaders => HeadError::TooManyFields,
        httparse::Error::Version => HeadError::Version,
        _ => HeadError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_head_is_read_and_what_follows_is_left() {
        let bytes = b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-Y:  z \t\r\nE:\r\n\r\nbody";
        let head = request_head(bytes).unwrap().unwrap();
        let fields: [(&[u8], &[u8]); 3] = [(b"Host", b"h"), (b"X-Y", b"z"), (b"E", b"")];
        assert_eq!(head.length, bytes.len() - 4);
        assert_eq!(head.method, b"POST");
        assert_eq!(head.target, b"/a?b=c");
        assert_eq!(head.minor_version, 1);
        assert_eq!(head.fields, fields);
    }

    #[test]
    fn every_proper_prefix_of_a_head_is_incomplete() {
        let head = b"GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
        for length in 0..head.len() {
            assert_eq!(request_head(&head[..length]), Ok(None), "{length} bytes");
        }
    }

    #[test]
    fn unusual_heads_that_are_well_formed_are_read() {
        let heads: [&[u8]; 6] = [
            b"GET / HTTP/1.0\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\n\r\n",
            b"GET http://h/p HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\na1!#$%&'*+-.^_`|~: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: \xC3\xA9\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\tc:d\r\nA: 2\r\n\r\n",
        ];
        for head in heads {
            let read = request_head(head).unwrap().unwrap();
            assert_eq!(read.length, head.len(), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn malformed_request_lines_are_refused() {
        let lines: [&[u8]; 24] = [
            b"",
            b" / HTTP/1.1",
            b"GET /",
            b"GET HTTP/1.1",
            b"GET  HTTP/1.1",
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b"GET / HTTP/1.1 ",
            b"GET\t/\tHTTP/1.1",
            b"GET /a b HTTP/1.1",
            b"G(T / HTTP/1.1",
            b"G:T / HTTP/1.1",
            b"GET / HTTP/2.0",
            b"GET / HTTP/1.2",
            b"GET / HTTP/0.9",
            b"GET / HTTP/1",
            b"GET / http/1.1",
            b"GET / HTTP/1.11",
            b"GET / HTTP-1.1",
            b"GET /\x00 HTTP/1.1",
            b"GET /\x01 HTTP/1.1",
            b"GET /\x7F HTTP/1.1",
            b"GET /\xC3\xA9 HTTP/1.1",
            b"GET /\xFF HTTP/1.1",
        ];
        for line in lines {
            let head = [line, b"\r\nHost: h\r\n\r\n"].concat();
            assert!(request_head(&head).is_err(), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn malformed_fields_are_refused() {
        let fields: [&[u8]; 22] = [
            b"Host",
            b": b",
            b"A : b",
            b"A\t: b",
            b"A B: c",
            b" A: b",
            b"A: b\r\n c",
            b"A: b\r\n\tc",
            b"A(b): c",
            b"A\": c",
            b"A/b: c",
            b"A,b: c",
            b"A=b: c",
            b"\xC3\xA9: b",
            b"A: b\x00c",
            b"A: b\x01c",
            b"A: b\x0Bc",
            b"A: b\x1Fc",
            b"A: b\x7Fc",
            b"A: b\rc",
            b"A: b\nc",
            b"A: b\n",
        ];
        for field in fields {
            let head = [b"GET / HTTP/1.1\r\nHost: h\r\n", field, b"\r\n\r\n"].concat();
            assert!(request_head(&head).is_err(), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn a_line_feed_alone_ends_no_line() {
        let heads: [&[u8]; 5] = [
            b"GET / HTTP/1.1\nHost: h\n\n",
            b"GET / HTTP/1.1\r\nHost: h\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\n\n",
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\rHost: h\r\n\r\n",
        ];
        for head in heads {
            assert!(request_head(head).is_err(), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn more_fields_than_are_read_are_refused() {
        let head = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "A: b\r\n".repeat(FIELDS_MAX + 1)
        );
        assert_eq!(request_head(head.as_bytes()), Err(HeadError::TooManyFields));
    }
}
