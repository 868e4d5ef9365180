//! What is never to leave the full image: it is in no answer, in no slim image and in no log, and whatever
//! is made of a run with it withheld is made again byte for byte.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{free_port, master, slave};
use imprint_isa::draft_bytes::package::encode_package;
use imprint_package::read_packages;

use crate::bad_input::says;
use crate::relay::Relay;
use crate::serving::serve_with;

const SECRETS: [&str; 3] = ["swordfish-one", "swordfish-two", "swordfish-three"];
const NEVER: [&str; 6] = [
    "--never",
    "Vault>>Secret",
    "--never",
    "Vault>>current",
    "--never",
    "VaultPool>>Word",
];

/// Its comment, and a comment in a method, tell secrets too.
const VAULT: &str =
    "\"\nMy word is swordfish-two.\n\"\nClass { #name : #Vault, #superclass : #Object, #classVars : [ 'Secret', 'Motto' ],
    #pools : [ 'VaultPool' ], #classInstVars : [ 'current' ], #category : #Vault }

{ #category : #initialization }
Vault class >> initialize [
    Secret := 'eno-hsifdrows' reversed.
    Motto := 'told to everybody'.
    current := 'owt-hsifdrows' reversed.
    VaultPool setUp
]

{ #category : #accessing }
Vault class >> all [
    \"swordfish-one, by and by, and swordfish-three\"
    ^ { Secret. current. Word. Motto }
]
";

const POOL: &str = "Class { #name : #VaultPool, #superclass : #SharedPool, #classVars : [ 'Word' ], #category : #Vault }

{ #category : #initialization }
VaultPool class >> setUp [
    Word := 'eerht-hsifdrows' reversed
]
";

const TEST: &str =
    "Class { #name : #VaultTest, #superclass : #TestCase, #category : #'Vault-Tests' }

{ #category : #tests }
VaultTest >> testAll [
    self assert: Vault all size equals: 4.
    self deny: Vault all second isNumber.
    self assert: Vault all last equals: 'told to everybody'
]
";

/// A project with three secrets.
fn project(folder: &Path) -> String {
    let source = folder.join("project/src");
    for (package, class, text) in [
        ("Vault", "VaultPool", POOL),
        ("Vault", "Vault", VAULT),
        ("Vault-Tests", "VaultTest", TEST),
    ] {
        let place = source.join(package);
        fs::create_dir_all(&place).unwrap();
        let named = format!("Package {{ #name : #'{package}' }}\n");
        fs::write(place.join("package.st"), named).unwrap();
        fs::write(place.join(format!("{class}.class.st")), text).unwrap();
    }
    source.display().to_string()
}

fn secrets_in(bytes: &[u8]) -> Vec<&'static str> {
    let holds = |secret: &&str| {
        bytes
            .windows(secret.len())
            .any(|it| it == secret.as_bytes())
    };
    SECRETS.into_iter().filter(holds).collect()
}

/// Shrinks into a Spur image, whose bytes are those of its objects.
fn shrink(folder: &Path, project: &str, name: &str, never: &[&str]) {
    let shrink = ["shrink", project, "--format", "spur", "-o", name];
    let ended = master(folder, &[&shrink[..], never].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_is_withheld_is_in_no_file_of_a_run_and_the_run_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let project = project(path);
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    shrink(path, &project, "open.image", &[]);
    assert_eq!(secrets_in(&read("open.image")), SECRETS);
    assert_eq!(secrets_in(&read("open.replay")), SECRETS);
    // The manifest says which texts class variables hold, so that a user sees what to withhold.
    let manifest = String::from_utf8(read("open.manifest.json")).unwrap();
    for text in [SECRETS[0], SECRETS[2], "told to everybody"] {
        assert!(manifest.contains(text), "{text}: {manifest}");
    }
    shrink(path, &project, "closed.image", &NEVER);
    for name in ["closed.image", "closed.replay", "closed.manifest.json"] {
        assert_eq!(secrets_in(&read(name)), [""; 0], "{name}");
    }
    let manifest = String::from_utf8(read("closed.manifest.json")).unwrap();
    assert!(manifest.contains("told to everybody"), "{manifest}");
    let built = master(path, &["build", &project, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let replay = [
        "replay",
        "closed.replay",
        "--image",
        "full.image",
        "-o",
        "again.image",
    ];
    let ended = master(path, &replay);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        read("again.image") == read("closed.image"),
        "the images differ"
    );
}

#[test]
fn what_is_withheld_is_nowhere_in_the_image_that_a_master_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let project = project(path);
    let built = master(path, &["build", &project, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let count = "(ByteString allInstances count: [ :each | each includesSubstring: '-hsifdrows' reversed ]) printString";
    let text = "(Vault class >> #all) sourceCode";
    let rows = [
        (
            &[][..],
            "4",
            SECRETS[0],
            "\"swordfish-one, by and by, and swordfish-three\"",
        ),
        (
            &NEVER,
            "0",
            "nil",
            "\"*************, by and by, and ***************\"",
        ),
    ];
    for (never, found, all, told) in rows {
        let port = free_port().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let (_master, _) = serve_with(path, &url, never);
        let relay = Relay::before(port);
        let evaluate = |expression: &str| {
            let run = ["run", "--master", relay.url(), "--eval", expression];
            let ended = slave(path, &run);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            ended.stdout
        };
        assert!(evaluate("Vault all first").contains(all));
        assert_eq!(evaluate("Vault all size"), "4\n");
        assert!(evaluate(text).contains(told));
        // Who asks the master itself finds the image that is served, and nothing else.
        let ended = master(path, &["ctl", &url, "run", count]);
        assert_eq!(ended.stdout.trim().trim_matches('\''), found, "{ended:?}");
        if !never.is_empty() {
            assert_eq!(secrets_in(&relay.heard()), [""; 0]);
        }
    }
}

#[test]
fn a_variable_that_is_none_is_refused_and_so_is_one_whose_value_would_leave_with_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let project = project(path);
    let rows = [
        ("Vault", "names no variable: say --never 'Class>>variable'"),
        ("Safe>>Secret", "has no class Safe"),
        ("Vault>>Secrets", "it has Motto, Secret, current"),
        ("VaultTest>>Secret", "it has none"),
    ];
    for (never, words) in rows {
        let shrink = ["shrink", &project, "-o", "x.image", "--never", never];
        says(&master(path, &shrink), 2, words);
        assert!(!path.join("x.image").exists(), "{never}");
    }
    let shrink = [
        "shrink",
        &project,
        "-o",
        "x.image",
        "--never",
        "Vault>>Motto",
    ];
    says(
        &master(path, &shrink),
        2,
        "what Vault>>Motto holds cannot be withheld, since it would leave with a literal of Vault \
         class>>initialize, a literal of VaultTest>>testAll; take it out of there",
    );
    assert!(!path.join("x.image").exists());
    assert!(!path.join("x.replay").exists());
}

#[test]
fn a_package_holds_no_withheld_value_either_and_texts_that_told_it_are_blanked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let project = project(path);
    let package = |name: &str, never: &[&str]| {
        let order = [
            "package",
            "--load",
            &project,
            "--object",
            "Vault>>Secret",
            "-o",
            name,
        ];
        let ended = master(path, &[&order[..], never].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let packages = read_packages(&fs::read(path.join(name)).unwrap())
            .unwrap()
            .packages;
        let bytes: Vec<u8> = packages.iter().flat_map(encode_package).collect();
        (bytes, ended.stderr)
    };
    let (open, warned) = package("open.package", &[]);
    assert_eq!(secrets_in(&open), SECRETS);
    assert_eq!(warned, "");
    let (closed, warned) = package("closed.package", &NEVER);
    assert_eq!(secrets_in(&closed), [""; 0]);
    for places in [
        "what Vault>>Secret held is blanked in the text of Vault class>>all",
        "what Vault>>current held is blanked in the text of the comment of Vault",
        "what VaultPool>>Word held is blanked in the text of Vault class>>all",
    ] {
        assert!(warned.contains(places), "{places}: {warned}");
    }
}
