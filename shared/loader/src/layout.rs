//! Where a repository keeps its sources: `.project` in the root, `.properties` in the source folder.

use crate::problem::{Defect, LoadError, Problem};
use crate::scanner::LineCounter;
use crate::ston::{self, Fields, Value};

/// `.project`: `{ 'srcDirectory' : 'src', 'tags' : [ #system ] }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectLayout {
    /// Folder of the sources, relative to the file; empty for the file's own.
    pub source_folder: String,
    /// Free words about the project.
    pub tags: Vec<String>,
}

/// The form in which a folder's packages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceFormat {
    /// Tonel, of any version.
    #[default]
    Tonel,
    /// FileTree.
    FileTree,
}

impl ProjectLayout {
    /// Reads the text of a `.project`; `path` is for messages.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn read(path: &str, text: &str) -> Result<Self, LoadError> {
        with_fields(path, text, |fields| Self {
            source_folder: fields.text("srcDirectory"),
            tags: fields.texts("tags"),
        })
    }
}

impl SourceFormat {
    /// Reads the text of a `.properties`: `{ #format : #tonel, #version : '2.0' }`. The version says how to
    /// write; reading takes all of them.
    ///
    /// # Errors
    /// Every fault of the file, and a format that is neither tonel nor filetree.
    pub fn read(path: &str, text: &str) -> Result<Self, LoadError> {
        with_fields(path, text, |fields| match fields.text("format").as_str() {
            "filetree" => Self::FileTree,
            "" | "tonel" => Self::Tonel,
            _ => {
                fields.wrong("format", "#tonel or #filetree");
                Self::default()
            }
        })
    }
}

/// Reads a file that is one STON map.
pub(crate) fn with_fields<T>(
    path: &str,
    text: &str,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, LoadError> {
    let value = read_value(path, text)?;
    let mut fields = Fields::of(&value);
    if value.pairs().is_none() {
        fields.defects.push(Defect::WrongFile {
            expected: "a map { ... }",
        });
    }
    let result = read(&mut fields);
    let problem = |defect| Problem {
        path: path.to_owned(),
        line: 1,
        defect,
    };
    match fields.defects.is_empty() {
        true => Ok(result),
        false => Err(LoadError {
            problems: fields.defects.into_iter().map(problem).collect(),
        }),
    }
}

fn read_value(path: &str, text: &str) -> Result<Value, LoadError> {
    ston::read(text).map_err(|error| {
        let line = LineCounter::new(text).line_of(error.offset);
        LoadError {
            problems: vec![Problem {
                path: path.to_owned(),
                line,
                defect: Defect::Ston(error),
            }],
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read() {
        let layout = ProjectLayout::read(
            ".project",
            "{ 'srcDirectory' : 'src', 'tags' : [ #system ] }",
        );
        assert_eq!(
            layout,
            Ok(ProjectLayout {
                source_folder: "src".into(),
                tags: vec!["system".into()]
            })
        );
        assert_eq!(
            SourceFormat::read(".properties", "{ #format : #filetree }"),
            Ok(SourceFormat::FileTree)
        );
        assert_eq!(
            SourceFormat::read(".properties", "{ #version : '2.0' }"),
            Ok(SourceFormat::Tonel)
        );
    }

    #[test]
    fn what_they_cannot_say_is_refused() {
        let error =
            SourceFormat::read(".properties", "{ #format : #zip }").expect_err("unknown format");
        assert_eq!(
            error.to_string(),
            ".properties:1: #format must be #tonel or #filetree"
        );
        let error = ProjectLayout::read(".project", "[ ]").expect_err("no map");
        assert_eq!(
            error.to_string(),
            ".project:1: the file holds something else than a map { ... }"
        );
    }
}
