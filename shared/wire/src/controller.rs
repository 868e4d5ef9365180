//! The user's end of the control service: a command that gives an order and waits.

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::connection::ShownChannel;
use crate::control::{Progress, RunOrder, SnapshotOrder, SnapshotReport, StatusReport};
use crate::convert::millis;
use crate::counted::ByteCount;
use crate::credentials::Credentials;
use crate::live::{
    Holdings, Inventory, MethodName, Outline, Push, PushReport, RolledBack, Shown, Want,
};
use crate::pb::control_client::ControlClient;
use crate::pb::live_client::LiveClient;
use crate::upload::{InstallReport, UninstallReport, Upload};
use crate::{Address, MESSAGE_BYTES_MAX, WireError, connection, pb};

/// A connection to a running daemon.
pub struct Controller {
    runtime: Runtime,
    client: ControlClient<ShownChannel>,
    live: LiveClient<ShownChannel>,
    address: Address,
}

impl Controller {
    /// Connects to the daemon at an address.
    ///
    /// # Errors
    /// Where the address is unfit or nobody answers there.
    pub fn connect(url: &str, credentials: &Credentials) -> Result<Controller, WireError> {
        let address: Address = url.parse()?;
        let runtime = connection::runtime()?;
        let received = ByteCount::default();
        let channel = connection::channel(&address, credentials, &received);
        let channel = runtime.block_on(channel)?;
        let client =
            ControlClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let live = LiveClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Controller {
            runtime,
            client,
            live,
            address,
        })
    }

    /// How the daemon is.
    ///
    /// # Errors
    /// Where it refuses or goes away.
    pub fn status(&mut self) -> Result<StatusReport, WireError> {
        let asked = self.client.status(pb::StatusOrder {});
        let answer = connection::first_answer(&self.address, connection::CONNECT_LIMIT, asked);
        let report = self.runtime.block_on(answer)?.into_inner();
        Ok(report.try_into()?)
    }

    /// Runs something; `on_progress` hears everything, the last message included. Answers the
    /// exit code and the result as text.
    ///
    /// # Errors
    /// Where the daemon refuses, or goes away before the end.
    pub fn run(
        &mut self,
        order: RunOrder,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<(u32, String), WireError> {
        let asked = self.client.run(pb::RunOrder::from(order));
        let answer = connection::first_answer(&self.address, connection::CONNECT_LIMIT, asked);
        self.runtime.block_on(async {
            let mut stream = answer.await?.into_inner();
            while let Some(message) = stream.message().await? {
                let progress = Progress::try_from(message)?;
                on_progress(&progress);
                if let Progress::Finished { exit_code, text } = progress {
                    return Ok((exit_code, text));
                }
            }
            Err(WireError::Ended)
        })
    }

    /// Writes an image.
    ///
    /// # Errors
    /// Where the daemon refuses, cannot, or goes away.
    pub fn snapshot(&mut self, order: SnapshotOrder) -> Result<SnapshotReport, WireError> {
        let asked = self.client.snapshot(pb::SnapshotOrder::from(order));
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let report = self.runtime.block_on(answer)?;
        let report = report.into_inner();
        Ok(report.try_into()?)
    }

    /// Ends the daemon; what it does now may go on for `grace`.
    ///
    /// # Errors
    /// Where it refuses or goes away.
    pub fn stop(&mut self, grace: Duration) -> Result<(), WireError> {
        let grace_millis = millis(grace);
        let asked = self.client.stop(pb::StopOrder { grace_millis });
        let answer = connection::first_answer(&self.address, connection::CONNECT_LIMIT, asked);
        self.runtime.block_on(answer)?;
        Ok(())
    }

    /// Puts code over what runs there.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away; nothing was changed if it refused.
    pub fn push(&mut self, push: Push) -> Result<PushReport, WireError> {
        let asked = self.live.push(pb::PushOrder::from(push));
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let report = self.runtime.block_on(answer)?;
        Ok(report.into_inner().try_into()?)
    }

    /// What a method looks like there.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away.
    pub fn show(&mut self, method: MethodName) -> Result<Shown, WireError> {
        let order = pb::ShowOrder {
            method: Some(method.into()),
        };
        let asked = self.live.show(order);
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let report = self.runtime.block_on(answer)?;
        Ok(report.into_inner().into())
    }

    /// Goes back to an earlier push; 0 for before the first.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away; nothing was changed if it refused.
    pub fn rollback(&mut self, number: u32, is_forced: bool) -> Result<RolledBack, WireError> {
        let forced = is_forced;
        let asked = self.live.rollback(pb::RollbackOrder { number, forced });
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let report = self.runtime.block_on(answer)?;
        Ok(report.into_inner().into())
    }

    /// Asks for code: packages, classes, or methods by name; and classes without their methods.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away.
    pub fn take(
        &mut self,
        names: Vec<String>,
        definitions: Vec<String>,
    ) -> Result<Push, WireError> {
        let asked = self.live.take(pb::TakeOrder { names, definitions });
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let push = self.runtime.block_on(answer)?;
        Ok(push.into_inner().try_into()?)
    }

    /// Asks for all that could be taken.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away.
    pub fn outline(&mut self) -> Result<Outline, WireError> {
        let asked = self.live.outline(pb::OutlineOrder {});
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let outline = self.runtime.block_on(answer)?;
        Ok(outline.into_inner().into())
    }

    /// Asks what the image lost of an inventory; the answer has as many items in each list.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away.
    pub fn lacks(&mut self, inventory: &Inventory) -> Result<Holdings, WireError> {
        let asked = self.live.lacks(pb::LacksOrder::from(inventory.clone()));
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        let report = self.runtime.block_on(answer)?;
        let holdings = Holdings::try_from(report.into_inner())?;
        holdings.check_against(inventory)?;
        Ok(holdings)
    }

    /// Hears what the image reaches though it lost it, once `on_open` was told, until the image is gone or
    /// `on_want` says that it is enough.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away.
    pub fn wants(
        &mut self,
        on_open: impl FnOnce(),
        mut on_want: impl FnMut(Want) -> bool,
    ) -> Result<(), WireError> {
        let asked = self.live.wants(pb::WantsOrder {});
        let answer = connection::first_answer(&self.address, connection::CONNECT_LIMIT, asked);
        self.runtime.block_on(async {
            let mut stream = answer.await?.into_inner();
            on_open();
            while let Some(want) = stream.message().await? {
                if !on_want(want.try_into()?) {
                    return Ok(());
                }
            }
            Err(WireError::Ended)
        })
    }

    /// Puts packages over what runs.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away; nothing was changed if it refused.
    pub fn install(&mut self, upload: Upload) -> Result<InstallReport, WireError> {
        let parts = tokio_stream::iter(upload.into_parts());
        let asked = self.live.install(parts);
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        Ok(self.runtime.block_on(answer)?.into_inner().into())
    }

    /// Takes a package out.
    ///
    /// # Errors
    /// Where the daemon refuses or goes away; nothing was changed if it refused.
    pub fn uninstall(&mut self, package: &str) -> Result<UninstallReport, WireError> {
        let package = package.to_owned();
        let asked = self.live.uninstall(pb::UninstallOrder { package });
        let answer = connection::first_answer(&self.address, Duration::MAX, asked);
        Ok(self.runtime.block_on(answer)?.into_inner().into())
    }
}
