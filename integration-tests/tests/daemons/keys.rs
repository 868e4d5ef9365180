//! Who may talk to whom: certificates, tokens and roles, and what is said to those who may not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, free_port, master, slave, start,
};

use crate::bad_input::says;
use crate::serving::{full_image, serve_with};

/// Keys of two authorities: `keys` of the machines here, with some that are no good, and `others`.
fn make_keys(folder: &Path) {
    let makes = |arguments: &[&str]| {
        let ended = master(folder, &[&["keys"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let told = makes(&["keys"]);
    for file in [
        "ca.pem",
        "ca.key",
        "master.pem",
        "slave.pem",
        "operator.pem",
    ] {
        let path = format!("keys/{file}");
        assert!(told.contains(&path), "{path}: {told}");
        let mode = fs::metadata(folder.join(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    makes(&["keys", "--name", "watcher", "--may", "order"]);
    makes(&["keys", "--name", "late", "--days", "0"]);
    makes(&["keys", "--token", "puller"]);
    makes(&["keys", "--token", "boss", "--may", "order", "snapshot"]);
    makes(&["others"]);
    makes(&["others", "--token", "stranger"]);
    fs::write(folder.join("text.pem"), "hello\n").unwrap();
}

/// A master with these options, and its port.
fn serve(folder: &Path, scheme: &str, options: &[&str]) -> (Running, u16) {
    let port = free_port().unwrap();
    let (running, _) = serve_with(folder, &format!("{scheme}127.0.0.1:{port}"), options);
    (running, port)
}

fn evaluate(folder: &Path, url: &str, options: &[&str]) -> Ended {
    let arguments = [
        "run",
        "--master",
        url,
        "--patience",
        "1",
        "--eval",
        "'hello' reversed",
    ];
    slave(folder, &[&arguments[..], options].concat())
}

const MUTUAL: [&str; 4] = [
    "--tls-identity",
    "keys/master.pem",
    "--client-ca",
    "keys/ca.pem",
];
const BELIEVES: [&str; 2] = ["--tls-ca", "keys/ca.pem"];

#[test]
fn a_slave_pulls_by_tls_and_who_is_not_to_be_trusted_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    full_image(path);
    make_keys(path);
    // Without a scheme: what has keys is encrypted.
    let (_master, port) = serve(path, "", &MUTUAL);
    let url = format!("https://localhost:{port}");
    let shows = |file: &'static str| [&BELIEVES[..], &["--tls-identity", file]].concat();
    let ended = evaluate(path, &url, &shows("keys/slave.pem"));
    assert_eq!(ended.stdout, "'olleh'\n", "{ended:?}");
    // What is shown to the master, and what is said of it.
    let plain = format!("http://localhost:{port}");
    let rows: [(&str, Vec<&str>, i32, &str); 9] = [
        (
            &url,
            BELIEVES.to_vec(),
            2,
            "show it with --tls-identity FILE",
        ),
        (
            &url,
            shows("others/slave.pem"),
            2,
            "does not know the authority that signed this side's",
        ),
        (
            &url,
            shows("keys/late.pem"),
            2,
            "this side's certificate has expired",
        ),
        (
            &url,
            shows("keys/watcher.pem"),
            2,
            "this wants the role pull, and its certificate has only order",
        ),
        (
            &url,
            vec!["--tls-ca", "others/ca.pem"],
            2,
            "is not signed by the authority of --tls-ca",
        ),
        (
            &url,
            vec![],
            2,
            "name the authority that signed its certificate with --tls-ca",
        ),
        (
            &url,
            vec!["--tls-ca", "text.pem"],
            2,
            "text.pem: it holds no certificate",
        ),
        (
            &url,
            shows("keys/ca.pem"),
            2,
            "keys/ca.pem: it holds no private key",
        ),
        (&plain, vec![], 3, "is that a daemon of Imprint?"),
    ];
    for (url, options, code, words) in rows {
        let ended = evaluate(path, url, &options);
        says(&ended, code, words);
        assert_eq!(ended.stdout, "", "{options:?}");
    }
}

#[test]
fn a_certificate_is_good_for_its_hosts_and_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    full_image(path);
    make_keys(path);
    let named = ["keys", "keys", "--name", "elsewhere"];
    assert_eq!(master(path, &named).code, Some(0));
    let rows = [
        ("keys/late.pem", "127.0.0.1", "its certificate has expired"),
        (
            "keys/master.pem",
            "127.0.0.2",
            "its certificate is not for 127.0.0.2 but for",
        ),
    ];
    for (identity, host, words) in rows {
        let options = ["--tls-identity", identity, "--client-ca", "keys/ca.pem"];
        let listen = format!("https://{host}:{}", free_port().unwrap());
        let _master = serve_with(path, &listen, &options);
        let shown = [&BELIEVES[..], &["--tls-identity", "keys/slave.pem"]].concat();
        says(&evaluate(path, &listen, &shown), 2, words);
    }
}

#[test]
fn each_order_wants_its_role() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    full_image(path);
    make_keys(path);
    let tokens = [&MUTUAL[..], &["--tokens", "keys/tokens"]].concat();
    let (running, port) = serve(path, "https://", &tokens);
    let url = format!("https://localhost:{port}");
    let order = |shown: &[&str], order: &[&str]| {
        let all = [&["ctl", &url], order, &BELIEVES, shown].concat();
        master(path, &all)
    };
    let certificate = |file| ["--tls-identity", file];
    let token = |file| ["--token-file", file];
    let rows: [([&str; 2], &[&str], i32, &str); 8] = [
        (certificate("keys/slave.pem"), &["status"], 0, ""),
        (
            certificate("keys/slave.pem"),
            &["run", "3 + 4"],
            2,
            "this wants the role order, and its certificate has only pull",
        ),
        (
            certificate("keys/slave.pem"),
            &["stop"],
            2,
            "master keys FOLDER --name NAME --may order",
        ),
        (
            certificate("keys/slave.pem"),
            &["snapshot", "x.image"],
            2,
            "this wants the role snapshot",
        ),
        (token("keys/boss.token"), &["run", "3 + 4"], 0, ""),
        (
            token("keys/puller.token"),
            &["run", "3 + 4"],
            2,
            "and the token of puller has only pull",
        ),
        (
            token("others/stranger.token"),
            &["status"],
            2,
            "does not know the token",
        ),
        (token("text.pem"), &["status"], 2, "does not know the token"),
    ];
    for (shown, words, code, said) in rows {
        says(&order(&shown, words), code, said);
    }
    says(
        &order(&[], &["status"]),
        2,
        "show it with --tls-identity FILE or --token-file FILE",
    );
    // A slave with a token pulls, and an operator ends the daemon.
    let shown = [&BELIEVES[..], &token("keys/puller.token")].concat();
    assert_eq!(evaluate(path, &url, &shown).stdout, "'olleh'\n");
    says(&order(&certificate("keys/operator.pem"), &["stop"]), 0, "");
    assert_eq!(running.wait().code, Some(0));
}

#[test]
fn tokens_keep_others_out_on_this_machine_too_and_a_slave_asks_for_them_as_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    full_image(path);
    make_keys(path);
    let (_master, port) = serve(path, "http://", &["--tokens", "keys/tokens"]);
    let url = format!("http://127.0.0.1:{port}");
    says(
        &evaluate(path, &url, &[]),
        2,
        "show it with --token-file FILE",
    );
    let orders = format!("http://127.0.0.1:{}", free_port().unwrap());
    let run = [
        "run",
        "--master",
        &url,
        "--listen",
        &orders,
        "--token-file",
        "keys/puller.token",
        "--tokens",
        "keys/tokens",
    ];
    let _slave = start("slave", path, &run, &[]);
    let order =
        |options: &[&str]| slave(path, &[&["ctl", &orders, "run", "3 + 4"], options].concat());
    let ended = assert_eventually("a slave", || {
        Some(order(&["--token-file", "keys/boss.token"])).filter(|ended| ended.code == Some(0))
    });
    assert_eq!(ended.stdout, "7\n");
    says(
        &order(&["--token-file", "keys/puller.token"]),
        2,
        "wants the role order",
    );
    says(&order(&[]), 2, "show it with --token-file FILE");
}

#[test]
fn what_would_let_in_whom_nobody_meant_to_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    full_image(path);
    make_keys(path);
    let rows: [(&str, &[&str], &str); 7] = [
        ("http://0.0.0.0:0", &[], "says everything in the clear"),
        (
            "https://127.0.0.1:0",
            &[],
            "only be served with a certificate",
        ),
        (
            "https://127.0.0.1:0",
            &MUTUAL[..2],
            "say who may with --client-ca",
        ),
        (
            "http://127.0.0.1:0",
            &MUTUAL,
            "only be served with a certificate",
        ),
        ("127.0.0.1:0", &["--tls-identity", "gone.pem"], "gone.pem"),
        (
            "127.0.0.1:0",
            &["--tls-identity", "text.pem"],
            "text.pem: it holds no certificate",
        ),
        ("127.0.0.1:0", &["--tokens", "text.pem"], "text.pem: line 1"),
    ];
    for (listen, options, words) in rows {
        let serve = ["serve", "full.image", "--listen", listen];
        says(&master(path, &[&serve[..], options].concat()), 2, words);
    }
    let before = fs::read(path.join("keys/ca.pem")).unwrap();
    let rows: [(&[&str], &str); 5] = [
        (&["keys"], "master.pem is there already"),
        (&["keys", "--token", "boss"], "boss.token is there already"),
        (&["keys", "--name", "../boss"], "is no name for keys"),
        (&["keys", "--name", "x", "--may", "fly"], "`fly` is no role"),
        (&["keys", "--may", "pull"], "--name NAME or --token NAME"),
    ];
    for (arguments, words) in rows {
        says(&master(path, &[&["keys"], arguments].concat()), 2, words);
    }
    assert_eq!(fs::read(path.join("keys/ca.pem")).unwrap(), before);
    // On a trusted network the user may say so.
    let (_master, port) = serve(path, "http://", &["--insecure"]);
    let ended = evaluate(path, &format!("http://127.0.0.1:{port}"), &[]);
    assert_eq!(ended.stdout, "'olleh'\n");
}
