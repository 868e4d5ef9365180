//! How a process of ours ends.

use std::process::{ExitCode as ProcessExitCode, Termination};

/// The exit codes, the same for all commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, and proven where there was something to prove.
    Done = 0,
    /// A test or the proof failed.
    Failed = 1,
    /// The command line makes no sense, or what it names cannot be loaded.
    Usage = 2,
    /// There is no master to ask.
    NoMaster = 3,
    /// Something pruned was reached.
    Pruned = 4,
    /// The image is damaged, or none.
    BadImage = 5,
    /// A defect of ours.
    Bug = 70,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl ExitCode {
    /// All of them.
    pub const ALL: [ExitCode; 8] = [
        ExitCode::Done,
        ExitCode::Failed,
        ExitCode::Usage,
        ExitCode::NoMaster,
        ExitCode::Pruned,
        ExitCode::BadImage,
        ExitCode::Bug,
        ExitCode::Interrupted,
    ];

    /// The number that the operating system gets.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What a number stands for; a number of the user's own program is none of ours.
    pub fn from_number(number: u8) -> Option<ExitCode> {
        ExitCode::ALL
            .into_iter()
            .find(|code| code.number() == number)
    }
}

impl Termination for ExitCode {
    fn report(self) -> ProcessExitCode {
        ProcessExitCode::from(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let numbers = ExitCode::ALL.map(ExitCode::number);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 70, 130]);
        for code in ExitCode::ALL {
            assert_eq!(ExitCode::from_number(code.number()), Some(code));
        }
        assert_eq!(ExitCode::from_number(7), None);
    }
}
