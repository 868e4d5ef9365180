//! The options that both daemons take; to be flattened into a command line.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

/// Logging and the admin endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct DaemonOptions {
    /// What to log: a level, or `target=level` parts separated by commas
    #[arg(long, env = "IMPRINT_LOG", default_value = "warn", global = true)]
    pub log_level: String,
    /// How log lines look
    #[arg(long, value_enum, default_value = "human", global = true)]
    pub log_format: LogFormat,
    /// Serve /healthz and /metrics at this loopback address
    #[arg(long, value_name = "ADDRESS", value_parser = loopback, global = true)]
    pub admin: Option<SocketAddr>,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Reads an address that other machines cannot reach.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "give an address and a port, for example 127.0.0.1:7401".to_string())?;
    if !address.ip().is_loopback() {
        return Err(format!(
            "{address} can be reached from other machines, and this endpoint asks nobody who they \
             are: give a loopback address, for example 127.0.0.1:{}",
            address.port()
        ));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        daemon: DaemonOptions,
    }

    fn parse(arguments: &[&str]) -> Result<DaemonOptions, String> {
        let all = std::iter::once("daemon").chain(arguments.iter().copied());
        let parsed = Command::try_parse_from(all);
        parsed
            .map(|command| command.daemon)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_arguments_there_is_no_admin_endpoint() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.admin, None);
        assert_eq!(options.log_format, LogFormat::Human);
    }

    #[test]
    fn arguments_are_read() {
        let arguments = [
            "--log-level",
            "debug",
            "--log-format",
            "json",
            "--admin",
            "[::1]:7401",
        ];
        let options = parse(&arguments).unwrap();
        assert_eq!(options.log_level, "debug");
        assert_eq!(options.log_format, LogFormat::Json);
        assert_eq!(options.admin, Some("[::1]:7401".parse().unwrap()));
    }

    #[test]
    fn an_admin_address_for_everybody_is_refused_by_name() {
        let error = parse(&["--admin", "0.0.0.0:7401"]).unwrap_err();
        assert!(
            error.contains("0.0.0.0:7401 can be reached from other machines"),
            "{error}"
        );
        assert!(parse(&["--admin", "here"]).is_err());
    }
}
