//! Diagnostics as text: `name:line:column: message`, the source line, and a caret under the
//! place. Columns count characters from 1; tabs before the caret are kept, so that it stands
//! under its character at any tab width.

use std::fmt::Write as _;

use crate::{Diagnostic, Severity};

/// A named text that diagnostics can be shown against.
#[derive(Clone, Debug)]
pub struct SourceText<'s> {
    name: &'s str,
    text: &'s str,
    line_starts: Vec<usize>,
}

impl<'s> SourceText<'s> {
    /// Prepares `text` for look-ups; `name` is shown before each line number.
    #[must_use]
    pub fn new(name: &'s str, text: &'s str) -> Self {
        Self {
            name,
            text,
            line_starts: line_starts(text),
        }
    }

    /// Line and column, both from 1, of a byte offset. An offset past the end means the end.
    #[must_use]
    pub fn line_and_column(&self, offset: u32) -> (usize, usize) {
        let offset = self.clamp(offset as usize);
        let line = self.line_starts.partition_point(|&start| start <= offset) - 1;
        let column = self.text[self.line_starts[line]..offset].chars().count();
        (line + 1, column + 1)
    }

    /// The diagnostic as three lines, each ended by a line feed.
    #[must_use]
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let (line, column) = self.line_and_column(diagnostic.span.start);
        let text = self.line_text(line);
        let kind = match diagnostic.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        let mut shown = String::new();
        let _ = writeln!(
            shown,
            "{}:{line}:{column}: {kind}{}",
            self.name, diagnostic.message
        );
        let _ = writeln!(shown, "    {text}");
        let _ = writeln!(shown, "    {}", self.caret(diagnostic, text, column));
        shown
    }

    /// All diagnostics, in the order given.
    #[must_use]
    pub fn render_all(&self, diagnostics: &[Diagnostic]) -> String {
        diagnostics
            .iter()
            .map(|diagnostic| self.render(diagnostic))
            .collect()
    }

    /// The text of a line counted from 1, without its end; empty where there is no such line.
    #[must_use]
    pub fn line_text(&self, line: usize) -> &'s str {
        let Some(&start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
        else {
            return "";
        };
        let rest = &self.text[start..];
        &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())]
    }

    fn caret(&self, diagnostic: &Diagnostic, line: &str, column: usize) -> String {
        let before = line.chars().take(column - 1);
        let mut caret: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let start = self.clamp(diagnostic.span.start as usize);
        let end = self.clamp(diagnostic.span.end as usize).max(start);
        let marked = self.text[start..end]
            .chars()
            .take_while(|&c| c != '\n' && c != '\r');
        let width = marked.count().max(1);
        caret.extend(std::iter::repeat_n('^', width));
        caret
    }

    /// The nearest character boundary at or before `offset`.
    fn clamp(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// Offsets of the first byte of each line; a line ends at LF, CR or CR LF.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (index, &byte) in bytes.iter().enumerate() {
        let ends = byte == b'\n' || (byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'));
        if ends {
            starts.push(index + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::SourceText;
    use crate::{Diagnostic, Span};

    fn shown(text: &str, start: u32, end: u32) -> String {
        let diagnostic = Diagnostic::error(Span::new(start, end), "it is wrong");
        SourceText::new("a.st", text).render(&diagnostic)
    }

    #[test]
    fn a_caret_stands_under_its_place() {
        assert_eq!(
            shown("foo\n\t^ bar baz\n", 7, 10),
            "a.st:2:4: it is wrong\n    \t^ bar baz\n    \t  ^^^\n"
        );
    }

    #[test]
    fn columns_count_characters_and_not_bytes() {
        assert_eq!(
            shown("'é' x", 5, 6),
            "a.st:1:5: it is wrong\n    'é' x\n        ^\n"
        );
    }

    #[test]
    fn an_offset_past_the_end_means_the_end() {
        assert_eq!(
            shown("ab\r\ncd", 90, 95),
            "a.st:2:3: it is wrong\n    cd\n      ^\n"
        );
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        assert_eq!(SourceText::new("a", "x\ry\r\nz").line_and_column(5), (3, 1));
    }

    #[test]
    fn a_mark_does_not_leave_its_line() {
        assert_eq!(
            shown("ab\ncd", 1, 4),
            "a.st:1:2: it is wrong\n    ab\n     ^\n"
        );
    }
}
