//! STON text -> value. Recursive descent with a limit on depth; stops at the first fault.

use thiserror::Error;

use super::value::{Body, Value};
use crate::scanner::{Scanner, is_letter, is_word};

/// Deeper nesting than this is refused: no project file has it, and the reader recurses.
const DEPTH_MAX: u32 = 200;

/// Why a text is not STON.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{fault}")]
pub struct StonError {
    /// Byte offset of the fault.
    pub offset: usize,
    /// The fault.
    pub fault: StonFault,
}

/// The kinds of fault.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StonFault {
    /// Something else stands there.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A string, list or map does not end.
    #[error("the {0} that begins here does not end")]
    Open(&'static str),
    /// A backslash before a character that it does not escape.
    #[error("unknown escape in a string; write a backslash as \\\\")]
    BadEscape,
    /// A number that makes no sense.
    #[error("bad number; write 12, -3, 1/2, 314/100s2 or 1.5e3")]
    BadNumber,
    /// Nested too deeply.
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// Text after the value.
    #[error("text after the end of the value; remove it")]
    Trailing,
}

/// Reads a text that is one STON value.
pub fn read(text: &str) -> Result<Value, StonError> {
    read_whole(Reader::new(text, 0))
}

/// Reads a text that is one JSON value.
pub fn read_json(text: &str) -> Result<Value, StonError> {
    let reader = Reader {
        string_quote: b'"',
        ..Reader::new(text, 0)
    };
    read_whole(reader)
}

fn read_whole(mut reader: Reader<'_>) -> Result<Value, StonError> {
    let value = reader.value()?;
    reader.skip_blank()?;
    match reader.scanner.peek() {
        None => Ok(value),
        Some(_) => Err(reader.fault(StonFault::Trailing)),
    }
}

/// A STON reader somewhere in a text.
pub(crate) struct Reader<'text> {
    scanner: Scanner<'text>,
    depth: u32,
    string_quote: u8,
}

type Read<T> = Result<T, StonError>;

impl<'text> Reader<'text> {
    /// Begins at a byte offset.
    pub(crate) fn new(text: &'text str, offset: usize) -> Self {
        Self {
            scanner: Scanner::at(text, offset),
            depth: 0,
            string_quote: b'\'',
        }
    }

    /// Where the reader stands.
    pub(crate) fn offset(&self) -> usize {
        self.scanner.position()
    }

    /// Reads one value, or two with a colon between them.
    pub(crate) fn value(&mut self) -> Read<Value> {
        let key = self.single_value()?;
        self.skip_blank()?;
        if !self.scanner.eat(b':') {
            return Ok(key);
        }
        let value = self.value_within()?;
        Ok(Value::Association(Box::new((key, value))))
    }

    fn value_within(&mut self) -> Read<Value> {
        self.deeper(Self::value)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.fault(StonFault::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Reads one value and stops right behind it.
    pub(crate) fn single_value(&mut self) -> Read<Value> {
        self.skip_blank()?;
        match self.scanner.peek() {
            Some(b'[') => Ok(Value::List(self.list()?)),
            Some(b'{') => Ok(Value::Map(self.map()?)),
            Some(b'#') => self.symbol(),
            Some(b'@') => self.reference(),
            Some(quote) if quote == self.string_quote => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(first) if is_letter(first) => self.word(),
            _ => Err(self.fault(StonFault::Expected("a value"))),
        }
    }

    fn word(&mut self) -> Read<Value> {
        let start = self.offset();
        let word = self.scanner.take_while(is_word);
        match word {
            "nil" | "null" => Ok(Value::Nil),
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            tag if tag.starts_with(|first: char| first.is_uppercase()) => self.object(tag),
            _ => Err(self.fault_at(
                start,
                StonFault::Expected("nil, true, false or a class name"),
            )),
        }
    }

    fn object(&mut self, tag: &str) -> Read<Value> {
        self.skip_blank()?;
        let body = match self.scanner.peek() {
            Some(b'[') => Body::List(self.list()?),
            Some(b'{') => Body::Map(self.map()?),
            _ => return Err(self.fault(StonFault::Expected("[ or { after a class name"))),
        };
        Ok(Value::Object {
            class: tag.to_owned(),
            body,
        })
    }

    fn list(&mut self) -> Read<Vec<Value>> {
        self.enclosed(b']', "list", Self::value)
    }

    fn map(&mut self) -> Read<Vec<(Value, Value)>> {
        self.enclosed(b'}', "map", Self::pair)
    }

    fn pair(&mut self) -> Read<(Value, Value)> {
        let key = self.single_value()?;
        self.skip_blank()?;
        if !self.scanner.eat(b':') {
            return Err(self.fault(StonFault::Expected("a colon after the key")));
        }
        Ok((key, self.value()?))
    }

    /// Reads items between the bracket the reader stands at and `close`, with commas between them.
    fn enclosed<T>(
        &mut self,
        close: u8,
        what: &'static str,
        item: fn(&mut Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let start = self.offset();
        self.scanner.next();
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            if self.scanner.eat(close) {
                return Ok(items);
            }
            if self.scanner.peek().is_none() {
                return Err(self.fault_at(start, StonFault::Open(what)));
            }
            items.push(self.deeper(item)?);
            self.skip_blank()?;
            let separated = self.scanner.eat(b',');
            if !separated && self.scanner.peek().is_some_and(|byte| byte != close) {
                return Err(self.fault(StonFault::Expected("a comma or the closing bracket")));
            }
        }
    }

    fn symbol(&mut self) -> Read<Value> {
        self.scanner.next();
        if self.scanner.peek() == Some(b'\'') {
            return Ok(Value::Symbol(self.string()?));
        }
        let name = self
            .scanner
            .take_while(|byte| is_word(byte) || b"-./".contains(&byte));
        if name.is_empty() {
            return Err(self.fault(StonFault::Expected("a name after #")));
        }
        Ok(Value::Symbol(name.to_owned()))
    }

    fn reference(&mut self) -> Read<Value> {
        self.scanner.next();
        let number = self
            .digits()
            .parse()
            .map_err(|_| self.fault(StonFault::BadNumber))?;
        Ok(Value::Reference(number))
    }

    fn string(&mut self) -> Read<String> {
        let start = self.offset();
        let quote = self.scanner.next();
        let mut text = String::new();
        loop {
            let plain = self
                .scanner
                .take_while(|byte| Some(byte) != quote && byte != b'\\');
            text.push_str(plain);
            match self.scanner.next() {
                None => return Err(self.fault_at(start, StonFault::Open("string"))),
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Ok(text),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        Ok(match self.scanner.next() {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(same @ (b'\'' | b'"' | b'\\' | b'/')) => char::from(same),
            _ => return Err(self.fault(StonFault::BadEscape)),
        })
    }

    /// The rest of `\uHHHH`; a character outside the first plane is written as two, a surrogate pair.
    fn unicode_escape(&mut self) -> Read<char> {
        let first = self.four_hex_digits()?;
        let code = match first {
            0xd800..0xdc00 => {
                let has_second = self.scanner.eat_text("\\u");
                let second = if has_second {
                    self.four_hex_digits()?
                } else {
                    0
                };
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                0x10000
                    + ((first - 0xd800) << 10)
                    + low.ok_or_else(|| self.fault(StonFault::BadEscape))?
            }
            single => single,
        };
        char::from_u32(code).ok_or_else(|| self.fault(StonFault::BadEscape))
    }

    fn four_hex_digits(&mut self) -> Read<u32> {
        let start = self.offset();
        self.scanner.set_position(start + 4);
        let digits = self.scanner.slice(start, start + 4);
        let all_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u32::from_str_radix(digits, 16) {
            Ok(code) if all_hex => Ok(code),
            _ => Err(self.fault_at(start, StonFault::BadEscape)),
        }
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.offset();
        self.scanner.eat(b'-');
        let digits = self.digits();
        let end = self.offset();
        if digits.is_empty() {
            return Err(self.fault_at(start, StonFault::BadNumber));
        }
        match self.scanner.peek() {
            Some(b'.' | b'e' | b'E') => self.float(start),
            Some(b'/') => self.fraction(self.scanner.slice(start, end).to_owned()),
            _ => Ok(integer(self.scanner.slice(start, end))),
        }
    }

    fn digits(&mut self) -> &'text str {
        self.scanner.take_while(|byte| byte.is_ascii_digit())
    }

    fn float(&mut self, start: usize) -> Read<Value> {
        self.scanner
            .take_while(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
        let text = self.scanner.slice(start, self.offset());
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => Err(self.fault_at(start, StonFault::BadNumber)),
        }
    }

    fn fraction(&mut self, numerator: String) -> Read<Value> {
        self.scanner.next();
        let denominator = self.digits().to_owned();
        if denominator.bytes().all(|digit| digit == b'0') {
            return Err(self.fault(StonFault::BadNumber));
        }
        if !self.scanner.eat(b's') {
            return Ok(Value::Fraction(numerator, denominator));
        }
        let scale = self
            .digits()
            .parse()
            .map_err(|_| self.fault(StonFault::BadNumber))?;
        Ok(Value::ScaledDecimal(numerator, denominator, scale))
    }

    fn skip_blank(&mut self) -> Read<()> {
        loop {
            self.scanner.skip_space();
            let start = self.offset();
            let ends = match (self.scanner.peek(), self.scanner.peek_second()) {
                (Some(b'/'), Some(b'/')) => self.skip_line(),
                (Some(b'/'), Some(b'*')) => self.skip_block_comment(),
                (Some(b'"'), _) if self.string_quote != b'"' => self.scanner.skip_quoted(),
                _ => return Ok(()),
            };
            if !ends {
                return Err(self.fault_at(start, StonFault::Open("comment")));
            }
        }
    }

    fn skip_line(&mut self) -> bool {
        self.scanner
            .take_while(|byte| byte != b'\n' && byte != b'\r');
        true
    }

    fn skip_block_comment(&mut self) -> bool {
        match self.scanner.rest().find("*/") {
            Some(length) => self.scanner.set_position(self.offset() + length + 2),
            None => return false,
        }
        true
    }

    fn fault(&self, fault: StonFault) -> StonError {
        self.fault_at(self.offset(), fault)
    }

    fn fault_at(&self, offset: usize, fault: StonFault) -> StonError {
        StonError { offset, fault }
    }
}

fn integer(text: &str) -> Value {
    match text.parse() {
        Ok(small) => Value::Integer(small),
        Err(_) => Value::LargeInteger(text.to_owned()),
    }
}
