//! `primitiveParseHttpHead`: the head of an HTTP request, by `httparse` made strict.
//!
//! It accepts and refuses the same as `WebHeadParser` of the image, which stands in for it on
//! other machines: only what every server reads alike. `httparse` alone is more generous: it takes
//! a bare line feed for the end of a line, skips empty lines before the request, and lets some
//! bytes into a target that no URL may hold. Which fields contradict each other
//! (`Content-Length` beside `Transfer-Encoding`) is the image's to judge, on both paths.

use httparse::{EMPTY_HEADER, Error, Request, Status};
use imprint_model::Oop;
use imprint_vm::primitives::arguments::{aligned, is_bytes, new_array, new_string, receiver};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};

/// Name and function of each primitive.
pub const PRIMITIVES: &[(&str, Primitive)] = &[("primitiveParseHttpHead", parse_head)];

/// A request head: how long it is, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Bytes up to and with the empty line.
    pub length: usize,
    /// The method.
    pub method: String,
    /// The target.
    pub target: String,
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor_version: u8,
    /// Names and values, as they stand there.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// String to an Array of length, method, target, minor version, then names and values; 0 where the
/// head is not complete; fails with a String where it is malformed.
fn parse_head(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 0, 0)?;
    let string = receiver(vm, args)?;
    if !is_bytes(vm, string) {
        return Err(PrimitiveError::BadArgument.into());
    }
    match parse(vm.heap.bytes(string)) {
        Ok(None) => Ok(Oop::small(0)),
        Ok(Some(head)) => head_array(vm, &head),
        Err(problem) => {
            let text = new_string(vm, problem.as_bytes())?;
            Err(PrimitiveError::Object(text).into())
        }
    }
}

fn head_array(vm: &mut Vm, head: &Head) -> Result<Oop, Failure> {
    let mut elements = vec![
        Oop::index(head.length),
        new_string(vm, head.method.as_bytes())?,
        new_string(vm, head.target.as_bytes())?,
        Oop::small(i32::from(head.minor_version)),
    ];
    for (name, value) in &head.fields {
        elements.push(new_string(vm, name.as_bytes())?);
        elements.push(new_string(vm, value)?);
    }
    new_array(vm, &elements)
}

/// Parses a head; `None` where it is not complete.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Option<Head>, &'static str> {
    check_line_ends(bytes)?;
    if bytes.starts_with(b"\r\n") {
        return Err(REQUEST_LINE);
    }
    let line_count = bytes.iter().filter(|byte| **byte == b'\n').count();
    let mut fields = vec![EMPTY_HEADER; line_count];
    let mut request = Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Complete(length)) => head_of(&request, length).map(Some),
        // What came so far may be wrong already.
        Ok(Status::Partial) => check_beginning(&request).map(|()| None),
        Err(error) => Err(sentence(error)),
    }
}

const REQUEST_LINE: &str = "the request line is not of the form METHOD TARGET VERSION";

/// Only CR LF ends a line; a CR may be the last byte that came.
fn check_line_ends(bytes: &[u8]) -> Result<(), &'static str> {
    let mut previous = 0;
    for (index, byte) in bytes.iter().enumerate() {
        match (previous, *byte) {
            (b'\r', b'\n') => {}
            (b'\r', _) => return Err("a carriage return without a line feed"),
            (_, b'\n') => return Err("a line feed without a carriage return"),
            _ => {}
        }
        previous = *byte;
        if bytes[..=index].ends_with(b"\r\n\r\n") {
            break;
        }
    }
    Ok(())
}

fn check_beginning(request: &Request<'_, '_>) -> Result<(), &'static str> {
    match request.path {
        Some(target) => check_target(target),
        None => Ok(()),
    }
}

fn check_target(target: &str) -> Result<(), &'static str> {
    if target.is_empty() {
        return Err(REQUEST_LINE);
    }
    if !target.bytes().all(|byte| (33..=126).contains(&byte)) {
        return Err("the target holds a character that no URL may hold");
    }
    Ok(())
}

fn head_of(request: &Request<'_, '_>, length: usize) -> Result<Head, &'static str> {
    let target = request.path.ok_or(REQUEST_LINE)?;
    check_target(target)?;
    let fields = request
        .headers
        .iter()
        .map(|field| (field.name.to_string(), trimmed(field.value).to_vec()))
        .collect();
    Ok(Head {
        length,
        method: request.method.ok_or(REQUEST_LINE)?.to_string(),
        target: target.to_string(),
        minor_version: request.version.ok_or(REQUEST_LINE)?,
        fields,
    })
}

fn trimmed(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|byte| is_blank(byte)).count();
    let end = value.len()
        - value[start..]
            .iter()
            .rev()
            .take_while(|byte| is_blank(byte))
            .count();
    &value[start..end]
}

fn sentence(error: Error) -> &'static str {
    match error {
        Error::HeaderName => "a name holds a character that no name may hold",
        Error::HeaderValue => "a value holds a control character",
        Error::NewLine => "a carriage return without a line feed",
        Error::Version => "the version is neither HTTP/1.1 nor HTTP/1.0",
        Error::TooManyHeaders => "there are too many fields",
        Error::Token | Error::Status => REQUEST_LINE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<u8> {
        lines
            .iter()
            .flat_map(|line| format!("{line}\r\n").into_bytes())
            .collect()
    }

    fn parsed(all: &[&str]) -> Head {
        parse(&lines(all)).expect("well-formed").expect("complete")
    }

    fn refused(bytes: &[u8]) {
        let answer = parse(bytes);
        assert!(
            answer.is_err(),
            "{:?}: {answer:?}",
            String::from_utf8_lossy(bytes)
        );
    }

    #[test]
    fn a_head_is_taken_apart_and_the_body_left() {
        let mut bytes = lines(&["POST /a?b=c HTTP/1.1", "Host: h", "X-Y:  z \t", ""]);
        let length = bytes.len();
        bytes.extend(b"body\n");
        let head = parse(&bytes).unwrap().unwrap();
        assert_eq!(head.length, length);
        assert_eq!(
            (head.method.as_str(), head.target.as_str()),
            ("POST", "/a?b=c")
        );
        assert_eq!(head.minor_version, 1);
        let expected = [
            ("Host".to_string(), b"h".to_vec()),
            ("X-Y".to_string(), b"z".to_vec()),
        ];
        assert_eq!(head.fields, expected);
        assert_eq!(parsed(&["GET / HTTP/1.0", ""]).minor_version, 0);
    }

    #[test]
    fn values_may_be_empty_and_hold_high_bytes() {
        let head = parse(b"GET / HTTP/1.1\r\nA:\r\nB:   \r\nC: \xC3\xA9\tx\r\n\r\n")
            .unwrap()
            .unwrap();
        let values: Vec<&[u8]> = head
            .fields
            .iter()
            .map(|(_, value)| value.as_slice())
            .collect();
        assert_eq!(values, [&b""[..], b"", b"\xC3\xA9\tx"]);
    }

    #[test]
    fn every_prefix_is_incomplete() {
        let bytes = lines(&["GET /a HTTP/1.1", "Host: h", "A: b", ""]);
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn what_two_servers_might_read_differently_is_refused() {
        for line in [
            "GET HTTP/1.1",
            "GET  HTTP/1.1",
            "GET /",
            " / HTTP/1.1",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            "GET\t/\tHTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET /a b HTTP/1.1",
            "GET / HTTP/1.2",
            "GET / HTTP/2.0",
            "GET / http/1.1",
            "GET /\u{e9} HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
            "G(T / HTTP/1.1",
            "",
        ] {
            refused(&lines(&[line, "Host: h", ""]));
        }
        for field in [
            " folded",
            "\tfolded",
            "Host : h",
            "no colon",
            ": no name",
            "na me: x",
            "n\u{e9}: x",
            "A: x\u{0}y",
            "A: x\u{7f}y",
            "A: x\u{1}",
        ] {
            refused(&lines(&["GET / HTTP/1.1", "Host: h", field, ""]));
        }
    }

    #[test]
    fn only_both_bytes_end_a_line() {
        refused(b"GET / HTTP/1.1\nHost: h\n\n");
        refused(b"GET / HTTP/1.1\r\nHost: h\n\r\n");
        refused(b"GET / HTTP/1.1\r\nA: x\rB: y\r\n\r\n");
        refused(b"GET / HTTP/1.1\r\rHost: h\r\n\r\n");
        refused(b"\nGET / HTTP/1.1\r\n\r\n");
        assert_eq!(parse(b"GET / HTTP/1.1\r"), Ok(None));
    }

    #[test]
    fn many_fields_are_taken() {
        let mut bytes = b"GET / HTTP/1.1\r\n".to_vec();
        for index in 0..500 {
            bytes.extend(format!("X-{index}: {index}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        assert_eq!(parse(&bytes).unwrap().unwrap().fields.len(), 500);
    }
}
