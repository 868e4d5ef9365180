//! `.mcz` archives of Monticello: a zip that holds the package as a file-out.
//!
//! Only `snapshot/source.st` and the package's name are read; the binary snapshot beside them says the same
//! in a form of its own.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use crate::chunk;
use crate::definition::PackageDefinition;
use crate::problem::{Defect, Problem};
use crate::repository::{Reading, SourceFile, settled};

/// A source larger than this is refused: archives come from anywhere, and a small one can unpack to much.
const SOURCE_BYTES_MAX: u64 = 64 << 20;

/// The package in an archive; `path` is for messages, and names the package where the archive does not.
pub fn read_archive(path: &str, bytes: &[u8]) -> Reading {
    let mut reading = Reading {
        paths: vec![path.to_owned()],
        ..Reading::default()
    };
    match unpack(bytes) {
        Ok((name, text)) => {
            let name = name.unwrap_or_else(|| name_of_version(path).to_owned());
            let source = SourceFile { path, text: &text };
            let package: PackageDefinition =
                chunk::read_file(source, 0, &name, &mut reading.problems);
            reading.packages.push(settled(package, ""));
        }
        Err(reason) => {
            let defect = Defect::BadArchive { reason };
            reading.problems.push(Problem {
                path: path.to_owned(),
                line: 1,
                defect,
            });
        }
    }
    reading
}

fn unpack(bytes: &[u8]) -> Result<(Option<String>, String), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let name = entry(&mut archive, "package")
        .ok()
        .and_then(|text| name_in(&text));
    Ok((name, entry(&mut archive, "snapshot/source.st")?))
}

fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<String, String> {
    let file = archive
        .by_name(name)
        .map_err(|error| format!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    let read = file.take(SOURCE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{name}: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SOURCE_BYTES_MAX {
        return Err(format!(
            "{name} unpacks to more than {SOURCE_BYTES_MAX} bytes"
        ));
    }
    Ok(decoded(bytes))
}

/// Old versions are written in Latin-1, newer ones in UTF-8.
fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        error
            .as_bytes()
            .iter()
            .map(|&byte| char::from(byte))
            .collect()
    })
}

/// The name in `(name 'Kit-Core')`.
fn name_in(text: &str) -> Option<String> {
    text.split('\'').nth(1).map(str::to_owned)
}

/// `Kit-Core` of `somewhere/Kit-Core-ab.12.mcz`.
fn name_of_version(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    let version = file.strip_suffix(".mcz").unwrap_or(file);
    version.rsplit_once('-').map_or(version, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .expect("in memory");
            writer.write_all(bytes).expect("in memory");
        }
        writer.finish().expect("in memory").into_inner()
    }

    const SOURCE: &[u8] = b"Object subclass: #K instanceVariableNames: '' category: 'Kit'!\r\
        !K methodsFor: 'x'!\rfoo\r\t^ 'caf\xe9'! !\r";

    #[test]
    fn an_archive_gives_its_package() {
        let bytes = archive(&[
            ("package", b"(name 'Kit')"),
            ("version", b"()"),
            ("snapshot/source.st", SOURCE),
        ]);
        let reading = read_archive("Kit-ab.12.mcz", &bytes);
        assert_eq!(reading.problems, []);
        assert_eq!(reading.packages[0].name, "Kit");
        assert_eq!(
            reading.packages[0].classes[0].methods[0].source,
            "foo\r\t^ 'café'"
        );
    }

    #[test]
    fn without_a_name_inside_the_file_name_counts() {
        let reading = read_archive(
            "x/Kit-Core-ab.12.mcz",
            &archive(&[("snapshot/source.st", SOURCE)]),
        );
        assert_eq!(reading.packages[0].name, "Kit-Core");
    }

    #[test]
    fn a_broken_archive_is_refused_by_name() {
        let whole = archive(&[("snapshot/source.st", SOURCE)]);
        for bytes in [&whole[..whole.len() / 2], b"", b"PK nonsense"] {
            let problem = read_archive("a.mcz", bytes).problems[0].to_string();
            assert!(
                problem.starts_with("a.mcz:1: the archive cannot be read: "),
                "{problem}"
            );
        }
        let problem = read_archive("a.mcz", &archive(&[("package", b"")])).problems[0].to_string();
        assert!(problem.contains("snapshot/source.st"), "{problem}");
    }
}
