//! The border between the live service and whoever owns a running image.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::convert::method_name;
use crate::live::{
    Holdings, Inventory, MethodName, Outline, Push, PushReport, RolledBack, Shown, Want,
};
use crate::pb;
use crate::server::{checked, refused};
use crate::upload::{InstallReport, UninstallReport, Upload};

/// A running image that takes other code. An `Err` is a refusal, as a sentence for the user; nothing was
/// changed then.
#[tonic::async_trait]
pub trait Live: Send + Sync + 'static {
    /// Puts code over what runs.
    async fn push(&self, push: Push) -> Result<PushReport, String>;
    /// What a method looks like there.
    async fn show(&self, method: MethodName) -> Result<Shown, String>;
    /// Goes back to an earlier push.
    async fn rollback(&self, number: u32, is_forced: bool) -> Result<RolledBack, String>;
    /// Gives code away: packages, classes, or methods by name; and classes without their methods.
    async fn take(&self, names: Vec<String>, definitions: Vec<String>) -> Result<Push, String>;
    /// All that it could give away.
    async fn outline(&self) -> Result<Outline, String>;
    /// What it lost of what somebody names.
    async fn lacks(&self, inventory: Inventory) -> Result<Holdings, String>;
    /// What it reaches though it lost it, from now on.
    async fn wants(&self) -> Result<mpsc::Receiver<Want>, String>;
    /// Puts packages over what runs.
    async fn install(&self, upload: Upload) -> Result<InstallReport, String>;
    /// Takes a package out.
    async fn uninstall(&self, package: String) -> Result<UninstallReport, String>;
}

pub(crate) struct LiveService(pub Arc<dyn Live>);

#[tonic::async_trait]
impl pb::live_server::Live for LiveService {
    async fn push(
        &self,
        order: Request<pb::PushOrder>,
    ) -> Result<Response<pb::PushReport>, Status> {
        let push = checked(order.into_inner())?;
        let report = self.0.push(push).await.map_err(refused)?;
        Ok(Response::new(report.into()))
    }

    async fn show(
        &self,
        order: Request<pb::ShowOrder>,
    ) -> Result<Response<pb::ShowReport>, Status> {
        let method = method_name(order.into_inner().method);
        let method = method.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let shown = self.0.show(method).await.map_err(refused)?;
        Ok(Response::new(shown.into()))
    }

    async fn rollback(
        &self,
        order: Request<pb::RollbackOrder>,
    ) -> Result<Response<pb::RollbackReport>, Status> {
        let order = order.into_inner();
        let back = self.0.rollback(order.number, order.forced).await;
        Ok(Response::new(back.map_err(refused)?.into()))
    }

    async fn take(&self, order: Request<pb::TakeOrder>) -> Result<Response<pb::PushOrder>, Status> {
        let order = order.into_inner();
        let push = self.0.take(order.names, order.definitions).await;
        Ok(Response::new(push.map_err(refused)?.into()))
    }

    async fn outline(
        &self,
        _: Request<pb::OutlineOrder>,
    ) -> Result<Response<pb::OutlineReport>, Status> {
        let outline = self.0.outline().await.map_err(refused)?;
        Ok(Response::new(outline.into()))
    }

    async fn lacks(
        &self,
        order: Request<pb::LacksOrder>,
    ) -> Result<Response<pb::LacksReport>, Status> {
        let inventory = checked(order.into_inner())?;
        let holdings = self.0.lacks(inventory).await.map_err(refused)?;
        Ok(Response::new(holdings.into()))
    }

    type WantsStream = WantStream;

    async fn wants(
        &self,
        _: Request<pb::WantsOrder>,
    ) -> Result<Response<Self::WantsStream>, Status> {
        let wants = ReceiverStream::new(self.0.wants().await.map_err(refused)?);
        let wants = wants.map(|want| Ok(pb::Want::from(want)));
        Ok(Response::new(Box::pin(wants)))
    }

    async fn install(
        &self,
        parts: Request<Streaming<pb::InstallPart>>,
    ) -> Result<Response<pb::InstallReport>, Status> {
        let upload = Upload::received(parts.into_inner()).await?;
        let report = self.0.install(upload).await.map_err(refused)?;
        Ok(Response::new(report.into()))
    }

    async fn uninstall(
        &self,
        order: Request<pb::UninstallOrder>,
    ) -> Result<Response<pb::UninstallReport>, Status> {
        let report = self.0.uninstall(order.into_inner().package).await;
        Ok(Response::new(report.map_err(refused)?.into()))
    }
}

/// What is wanted, as it goes out.
type WantStream = Pin<Box<dyn Stream<Item = Result<pb::Want, Status>> + Send>>;
