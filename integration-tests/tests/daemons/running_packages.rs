//! Packages into machines that run, and out of them again, over a real socket.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, SELDOM, assert_eventually, copy_folder, free_port, master, slave, start,
};
use imprint_wire::upload::{Upload, UploadedFile};
use imprint_wire::{Controller, Credentials};

use crate::bad_input::says;
use crate::live_app::App;
use crate::packages::{COUNTING, GREETS, RESHAPED, package, write_package};
use imprint_integration_tests::browser::get_with;

/// What an image is told to answer questions over HTTP, which come in a header.
const ASKED: &str = "WebServer startOn: (WebServer portFromEnvironmentOr: 0) handler: [ :request | \
     nil class compile: 'asked ^ ' , (request headers at: 'Ask'). \
     WebResponse text: ([ nil asked printString ] on: Error do: [ :error | error messageText ]) ]";

/// All that an image says of its own code, as one text.
const EVERYTHING: &str = "String streamContents: [ :all | \
     ((Smalltalk globals keys collect: [ :each | each asString ]) asSortedCollection: [ :a :b | a <= b ]) do: \
       [ :key | all << key << ' ' ]. \
     (Smalltalk allClasses asSortedCollection: [ :a :b | a name <= b name ]) do: [ :class | \
       { class. class class } do: [ :side | side == UndefinedObject ifFalse: [ all << side name << ' '; \
           << side instVarNames printString; \
           << (side selectors asSortedCollection: [ :a :b | a <= b ]) asArray printString. \
         side protocols do: [ :each | all << each name << ': '; \
           << (each methodSelectors asSortedCollection: [ :a :b | a <= b ]) asArray printString ] ] ]. \
       all << class superclass printString; << class subclasses size printString; \
         << class classVarNames printString; << class comment; \
         << (class packageTag ifNil: [ 'none' ] ifNotNil: [ :tag | tag package name , '-' , tag name ]) ]. \
     all << (Smalltalk organization packageNames asSortedCollection: [ :a :b | a <= b ]) asArray printString. \
     InstalledPackage all do: [ :each | all << each name << each version << each classes printString ] ]";

/// A full image that runs and answers questions.
struct Asked {
    folder: tempfile::TempDir,
    port: u16,
    url: String,
    running: Running,
}

impl Asked {
    fn start(options: &[&str]) -> Asked {
        let folder = tempfile::tempdir().unwrap();
        let built = master(folder.path(), &["build", "-o", "kernel.image"]);
        assert_eq!(built.code, Some(0), "{built:?}");
        Asked::run(folder, options)
    }

    fn run(folder: tempfile::TempDir, options: &[&str]) -> Asked {
        let port = free_port().unwrap();
        let url = format!("http://127.0.0.1:{}", free_port().unwrap());
        let run = ["run", "--listen", &url, "kernel.image", "eval", ASKED];
        let words = [options, &run[..]].concat();
        let port_text = port.to_string();
        let place = [("PORT", port_text.as_str()), SELDOM];
        let running = start("master", folder.path(), &words, &place);
        let asked = Asked {
            folder,
            port,
            url,
            running,
        };
        assert_eventually("an answer", || {
            get_with(asked.port, "/", "Ask: 3 + 4\r\n").filter(|answer| answer.contains("7"))
        });
        asked
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ask(&self, expression: &str) -> String {
        let answer = get_with(self.port, "/", &format!("Ask: {expression}\r\n"));
        let answer = answer.expect("the image answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("it has a body");
        body.trim().to_owned()
    }

    fn install(&self, words: &[&str]) -> Ended {
        slave(
            self.path(),
            &[&["install", "--to", &self.url], words].concat(),
        )
    }

    fn installed(&self, words: &[&str]) -> String {
        let ended = self.install(words);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }

    fn uninstall(&self, name: &str) -> Ended {
        slave(self.path(), &["uninstall", name, "--to", &self.url])
    }

    /// Holds what the image says of its code to what it said before.
    fn is_again(&self, before: &str, when: &str) {
        let now = self.ask(EVERYTHING);
        let pairs = now.bytes().zip(before.bytes());
        let same = pairs.take_while(|(one, other)| one == other).count();
        let around =
            |text: &str| text[same.saturating_sub(60)..(same + 200).min(text.len())].to_owned();
        assert!(
            now == before,
            "{when}\n now {}\nthen {}",
            around(&now),
            around(before)
        );
    }

    fn back_to(&self, number: &str) {
        let back = slave(self.path(), &["ctl", &self.url, "rollback", number]);
        assert_eq!(back.code, Some(0), "{back:?}");
    }

    /// A package file of sources.
    fn package(&self, root: &str, files: &[(&str, &str)], file: &str, options: &[&str]) {
        write_package(self.path(), root, "Counting", files);
        package(self.path(), root, file, options);
    }
}

#[test]
fn a_running_image_takes_a_package_a_newer_one_and_goes_back_to_each_instances_included() {
    let image = Asked::start(&[]);
    let first = [("Counting.class", COUNTING), ("Object.extension", GREETS)];
    let object = ["--object", "Journal='begun' copy"];
    image.package("one", &first, "one.package", &object);
    image.package("two", &RESHAPED, "two.package", &[]);
    let before = image.ask(EVERYTHING);

    let told = image.installed(&["one.package"]);
    for words in [
        "installed     Counting   1 new class",
        "1 object",
        "push #1",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let facts = "{ 3 asLink. 3 counts. Counting total. Smalltalk at: #Journal }";
    assert_eq!(image.ask(facts), "#(#counted 1 7 'begun')");
    let one = image.ask(EVERYTHING);
    image.ask("Smalltalk at: #Kept put: (Counting new instVarAt: 1 put: 5; yourself)");
    image.ask("Counting total: 41");
    assert_eq!(image.ask("(Smalltalk at: #Kept) count"), "5");

    let told = image.installed(&["two.package"]);
    for words in [
        "1 new class, 1 there before",
        "push #2",
        "migrated      1 instance",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let kept = "{ (Smalltalk at: #Kept) count. (Smalltalk at: #Kept) step value. Counting total. \
                3 respondsTo: #counts. Counting superclass. Counting includesSelector: #old }";
    assert_eq!(
        image.ask(kept),
        "#(5 3 41 false Counted false)"
            .replace("#(", "{")
            .replace(' ', ". ")
            .replace(')', "}")
    );

    image.back_to("#1");
    let told =
        "{ (Smalltalk at: #Kept) count. (Smalltalk at: #Kept) old. Counting total. 3 counts }";
    assert_eq!(image.ask(told), "#(5 #old 41 1)");
    image.ask("Smalltalk removeKey: #Kept");
    image.is_again(&one, "");

    image.back_to("0");
    image.is_again(&before, "");
    let log = master(image.path(), &["log", "show", "kernel.pushes"]);
    for line in [
        "push #1   package Counting",
        "push #2   package Counting",
        "back to push #0",
    ] {
        assert!(log.stdout.contains(line), "{line}: {log:?}");
    }
}

#[test]
fn what_is_taken_out_of_a_running_image_is_what_the_package_brought() {
    let image = Asked::start(&[]);
    let first = [("Counting.class", COUNTING), ("Object.extension", GREETS)];
    image.package("one", &first, "one.package", &[]);
    image.package("two", &RESHAPED, "two.package", &[]);
    let before = image.ask(EVERYTHING);
    says(
        &image.uninstall("Counting"),
        2,
        "Counting was not installed as a package",
    );

    // What came last is taken back as it came; then a version that came over another.
    image.installed(&["one.package"]);
    image.installed(&["two.package"]);
    let out = image.uninstall("Counting");
    assert_eq!((out.code, out.stderr.as_str()), (Some(0), ""), "{out:?}");
    image.is_again(&before, "");

    // Another one above it: the image knows by itself what to put back.
    image.installed(&["one.package"]);
    let other = "Class { #name : #Other, #superclass : #Object, #category : #Other }

Other class >> unload [ 1 / 0 ]
";
    write_package(image.path(), "other", "Other", &[("Other.class", other)]);
    package(image.path(), "other", "other.package", &[]);
    image.installed(&["other.package"]);
    let stands = image.ask(EVERYTHING);
    let refused = image.uninstall("Other");
    says(&refused, 2, "Other class>>unload failed");
    image.is_again(&stands, "");
    let out = image.uninstall("Counting");
    assert_eq!(out.code, Some(0), "{out:?}");
    assert!(
        out.stderr.contains("cannot be taken back any more"),
        "{out:?}"
    );
    let asked = "{ 3 respondsTo: #counts. 3 asLink class. Smalltalk includesKey: #Counting. Smalltalk includesKey: #Other }";
    assert_eq!(image.ask(asked), "{false. ValueLink. false. true}");
    let back = slave(image.path(), &["ctl", &image.url, "rollback", "0"]);
    says(&back, 2, "what was pushed cannot be taken back any more");
    // It comes again over the place where it was.
    assert!(image.installed(&["one.package"]).contains("1 new class"));
    assert_eq!(image.ask("3 counts"), "1");
}

#[test]
fn what_fails_on_its_way_into_a_running_image_leaves_it_as_it_was() {
    let image = Asked::start(&[]);
    let first = [("Counting.class", COUNTING), ("Object.extension", GREETS)];
    image.package("one", &first, "one.package", &[]);
    image.installed(&["one.package"]);
    image.ask("Smalltalk at: #Kept put: (Counting new instVarAt: 1 put: 5; yourself)");
    image.ask("Smalltalk at: #Journal put: 'mine'");
    let before = image.ask(EVERYTHING);
    let facts = "{ (Smalltalk at: #Kept) count. (Smalltalk at: #Kept) old. Counting total. \
                 Smalltalk at: #Journal. 3 counts }";
    let held = image.ask(facts);
    assert_eq!(held, "#(5 #old 7 'mine' 1)");

    let failing = RESHAPED[1].1.replace(
        "[ Total := 7 ]",
        "[ Smalltalk at: #Journal ifPresent: [ :it | Total := 9. 1 / 0 ] ]",
    );
    let files = [RESHAPED[0], ("Counting.class", failing.as_str())];
    image.package("bad", &files, "bad.package", &[]);
    image.package(
        "two",
        &RESHAPED,
        "two.package",
        &["--object", "Journal='begun' copy", "--after", "1 / 0"],
    );
    let other = "Class { #name : #Counting, #superclass : #Absent, #category : #Counting }\n";
    image.package(
        "other",
        &[
            ("Counting.class", COUNTING),
            (
                "Below.class",
                &other
                    .replace("Counting, #s", "Below, #s")
                    .replace("Absent", "Announcement"),
            ),
        ],
        "heir.package",
        &[],
    );
    for (file, words) in [
        ("bad.package", "Counting class>>initialize failed"),
        ("two.package", "what runs after Counting failed"),
    ] {
        says(&image.install(&[file]), 2, words);
        image.is_again(&before, file);
        assert_eq!(image.ask(facts), held, "{file}");
    }
    // What is needed is listed before anything happens.
    let small = ["build", "-o", "kernel.image", "--without", "Announcements"];
    let Asked {
        folder, running, ..
    } = image;
    running.terminate();
    running.wait();
    assert_eq!(master(folder.path(), &small).code, Some(0));
    let image = Asked::run(folder, &[]);
    let before = image.ask(EVERYTHING);
    let refused = image.install(&["heir.package"]);
    says(
        &refused,
        2,
        "needs the superclass Announcement of the package Announcements",
    );
    says(&refused, 2, "nothing was installed into the image at");
    image.is_again(&before, "");
}

#[test]
fn a_slim_application_that_runs_takes_a_package_and_is_told_what_it_lost_first() {
    let app = App::start();
    let folder = app.folder.path();
    copy_folder(
        &folder.join("counter/src/Counter"),
        &folder.join("src/Counter"),
    )
    .unwrap();
    let file = folder.join("src/Counter/CounterComponent.class.st");
    let text = fs::read_to_string(&file).unwrap();
    let title = "{ #category : #accessing }\nCounterComponent >> title [\n\t^ 'Counter'\n]";
    assert!(text.contains(title));
    let extended = "{ #category : #'*Extra' }\nCounterComponent >> title [ ^ 'Extra' , Extra total printString ]";
    fs::write(&file, text.replace(title, extended)).unwrap();
    let extra = "Class { #name : #Extra, #superclass : #Object, #classVars : [ 'Total' ], #category : #Extra }

Extra class >> initialize [ Total := 7 ]

Extra class >> total [ ^ Total ]
";
    write_package(folder, "src", "Extra", &[("Extra.class", extra)]);
    package(folder, "src", "extra.package", &["Extra"]);
    let install = |words: &[&str]| slave(folder, &[&["install", "--to", &app.url], words].concat());
    let title = || app.page("/counter");
    assert!(title().contains("<title>Counter</title>"));
    let done = install(&["extra.package"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(title().contains("<title>Extra7</title>"));
    assert_eq!(app.ctl(&["rollback", "0"]).code, Some(0));
    assert!(title().contains("<title>Counter</title>"));

    install(&["extra.package"]);
    let greedy = extra.replace(
        "^ Total ]",
        "^ (Smalltalk at: #Total ifAbsent: [ 3 ]) gcd: 7 ]",
    );
    write_package(
        folder,
        "greedy",
        "Greedy",
        &[("Extra.class", &greedy.replace("Extra", "Greedy"))],
    );
    package(folder, "greedy", "greedy.package", &[]);
    let refused = install(&["greedy.package"]);
    for words in [
        "Greedy class>>total sends gcd:, of which the image has lost every method",
        "install with --force and do without",
    ] {
        says(&refused, 2, words);
    }
    let forced = install(&["greedy.package", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(
        forced
            .stderr
            .contains("warning: Greedy class>>total sends gcd:"),
        "{forced:?}"
    );
    let tests = install_of_tests(folder, &app.url);
    says(
        &tests,
        2,
        "needs the superclass TestCase of the package SUnit, which the image does not have",
    );
    let below = slave(folder, &["uninstall", "Extra", "--to", &app.url]);
    says(&below, 2, "other code came over that of Extra since");
    let both = slave(folder, &["uninstall", "Greedy", "Extra", "--to", &app.url]);
    assert_eq!(both.code, Some(0), "{both:?}");
    assert!(title().contains("<title>Counter</title>"));
}

fn install_of_tests(folder: &Path, url: &str) -> Ended {
    let made = master(folder, &["package", "Hashing-Tests", "-o", "tests.package"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    slave(folder, &["install", "tests.package", "--to", url])
}

/// A package file by hand, to somebody who does not look at it first.
fn uploaded(url: &str, name: &str, bytes: &[u8]) -> Result<u32, String> {
    let upload = Upload {
        origin: "a test".to_owned(),
        is_forced: false,
        files: vec![UploadedFile {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }],
    };
    let machine = Controller::connect(url, &Credentials::default());
    let report = machine.and_then(|mut machine| machine.install(upload));
    report
        .map(|report| report.number)
        .map_err(|error| error.to_string())
}

#[test]
fn files_that_nobody_should_install_are_refused_at_both_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(master(path, &["build", "-o", "kernel.image"]).code, Some(0));
    for name in ["mine", "theirs"] {
        assert_eq!(master(path, &["package-key", name]).code, Some(0));
    }
    let image = Asked::run(folder, &["--trusted-key", "mine.pub"]);
    let files = [("Counting.class", COUNTING)];
    image.package("one", &files, "plain.package", &[]);
    image.package("one", &files, "theirs.package", &["--sign", "theirs"]);
    image.package("one", &files, "mine.package", &["--sign", "mine"]);
    let before = image.ask(EVERYTHING);
    let mine = fs::read(image.path().join("mine.package")).unwrap();
    let mut newer = mine.clone();
    // The version stands behind the seven letters of the kind.
    newer[7] = 9;
    fs::write(image.path().join("newer.package"), &newer).unwrap();
    fs::write(image.path().join("cut.package"), &mine[..mine.len() / 2]).unwrap();
    for (file, words) in [
        ("plain.package", "it is not signed"),
        ("theirs.package", "none of the trusted ones"),
        ("newer.package", "version 9"),
        ("cut.package", "this is no package file that can be used"),
    ] {
        let bytes = fs::read(image.path().join(file)).unwrap();
        let refused = uploaded(&image.url, file, &bytes).unwrap_err();
        assert!(
            refused.contains(words) && refused.contains(file),
            "{refused}"
        );
        let trusting = image.install(&[file, "--trusted-key", "mine.pub"]);
        says(&trusting, 2, words);
        image.is_again(&before, file);
    }
    let nobody = format!("http://127.0.0.1:{}", free_port().unwrap());
    says(
        &slave(image.path(), &["install", "mine.package", "--to", &nobody]),
        3,
        "nobody answers",
    );
    let nothing = slave(image.path(), &["install", "mine.package"]);
    says(&nothing, 2, "--image <IMAGE>");
    assert_eq!(uploaded(&image.url, "mine.package", &mine), Ok(1));
    let key = [
        "run",
        "--listen",
        &nobody,
        "kernel.image",
        "--trusted-key",
        "absent.pub",
    ];
    says(&master(image.path(), &key), 2, "cannot read absent.pub");
}

/// Passes one connection on to a port, and cuts it once so many bytes have gone there.
fn cut_behind(port: u16, bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut front, _) = listener.accept().unwrap();
        let mut back = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from, mut to) = (back.try_clone().unwrap(), front.try_clone().unwrap());
        std::thread::spawn(move || _ = std::io::copy(&mut from, &mut to));
        let mut left = bytes;
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = front.read(&mut buffer) {
            let passed = read.min(left);
            if back.write_all(&buffer[..passed]).is_err() || passed == left {
                break;
            }
            left -= passed;
        }
        for end in [front, back] {
            let _ = end.shutdown(std::net::Shutdown::Both);
        }
    });
    url
}

#[test]
fn an_upload_that_breaks_off_changes_nothing() {
    let image = Asked::start(&[]);
    // Noise, so that the file is as large as it looks.
    let mut seed = 88_172_645_463_325_252_u64;
    let noise: String = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        char::from(b'a' + (seed % 26) as u8)
    })
    .take(600_000)
    .collect();
    let large = COUNTING.replace("[ ^ #old ]", &format!("[ ^ '{noise}' ]"));
    image.package("one", &[("Counting.class", &large)], "large.package", &[]);
    let size = fs::metadata(image.path().join("large.package"))
        .unwrap()
        .len() as usize;
    assert!(size > 300_000, "{size}");
    let before = image.ask(EVERYTHING);
    let port = image.url.rsplit(':').next().unwrap().parse().unwrap();
    for bytes in [400, size / 2, size - 100] {
        let cut = cut_behind(port, bytes);
        let ended = slave(image.path(), &["install", "large.package", "--to", &cut]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("nothing was installed"), "{ended:?}");
        image.is_again(&before, "cut");
    }
    image.installed(&["large.package"]);
    assert_eq!(image.ask("Counting new old size"), "600000");
}

#[test]
fn only_who_may_push_may_install_and_what_was_pushed_by_others_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(master(path, &["build", "-o", "kernel.image"]).code, Some(0));
    for (name, may) in [("reader", "pull"), ("writer", "push")] {
        let made = master(path, &["keys", "keys", "--token", name, "--may", may]);
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let image = Asked::run(folder, &["--tokens", "keys/tokens"]);
    let first = [("Counting.class", COUNTING), ("Object.extension", GREETS)];
    image.package("one", &first, "one.package", &[]);
    let before = image.ask(EVERYTHING);
    let token = |name: &str| format!("keys/{name}.token");
    for (words, sentence) in [
        (vec!["install", "one.package"], "token"),
        (
            vec!["install", "one.package", "--token-file", &token("reader")],
            "has only pull",
        ),
        (
            vec!["uninstall", "Counting", "--token-file", &token("reader")],
            "has only pull",
        ),
    ] {
        let words = [&words[..], &["--to", &image.url]].concat();
        says(&slave(image.path(), &words), 2, sentence);
        image.is_again(&before, "");
    }
    let writer = token("writer");
    image.installed(&["one.package", "--token-file", &writer]);
    // Another user of another folder.
    let elsewhere = image.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let words = [
        "install",
        "../one.package",
        "--to",
        &image.url,
        "--token-file",
        "../keys/writer.token",
    ];
    let refused = slave(&elsewhere, &words);
    says(&refused, 2, "Counting>>count was changed by push #1 of");
    says(&refused, 2, "replace that with --force");
    let forced = slave(&elsewhere, &[&words[..], &["--force"]].concat());
    assert_eq!(forced.code, Some(0), "{forced:?}");
}

#[test]
fn a_master_that_serves_takes_a_package_for_those_who_pull_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(master(path, &["build", "-o", "kernel.image"]).code, Some(0));
    write_package(path, "one", "Counting", &[("Counting.class", COUNTING)]);
    package(path, "one", "one.package", &[]);
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let serving = start(
        "master",
        path,
        &["serve", "kernel.image", "--listen", &url],
        &[],
    );
    assert_eventually("the master", || {
        Some(slave(path, &["ctl", &url, "status"])).filter(|it| it.code == Some(0))
    });
    let total = ["run", "--master", &url, "--eval", "Counting total"];
    assert_ne!(slave(path, &total).code, Some(0));
    let done = slave(path, &["install", "one.package", "--to", &url]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(slave(path, &total).stdout, "7\n");

    let orders = format!("http://127.0.0.1:{}", free_port().unwrap());
    let pulling = start(
        "slave",
        path,
        &["run", "--master", &url, "--listen", &orders],
        &[],
    );
    assert_eventually("the slave", || {
        Some(slave(path, &["ctl", &orders, "status"])).filter(|it| it.code == Some(0))
    });
    let refused = slave(path, &["install", "one.package", "--to", &orders]);
    says(&refused, 2, "this slave pulls what it runs");
    let out = slave(path, &["uninstall", "Counting", "--to", &url]);
    assert_eq!(out.code, Some(0), "{out:?}");
    assert_ne!(slave(path, &total).code, Some(0));
    drop((serving, pulling));
}
