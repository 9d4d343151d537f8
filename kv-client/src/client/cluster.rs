//! Calls on a cluster as such. Any member may be asked; the leader does it.

use kv_proto::control::AdminRequest;

use super::Client;
use crate::answer::Answer;
use crate::error::Error;
use crate::wire::Call;

impl Client {
    /// Adds a member that learns everything and has no vote yet. Its number must never have been
    /// another's; the addresses are where its clients and its peers connect.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn add_member(
        &self,
        id: u64,
        client: impl Into<String>,
        peer: impl Into<String>,
    ) -> Result<(), Error> {
        let (client, peer) = (client.into(), peer.into());
        self.admin(AdminRequest::Add { id, client, peer }).await
    }

    /// Gives a member that only learns a vote.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn promote_member(&self, id: u64) -> Result<(), Error> {
        self.admin(AdminRequest::Promote { id }).await
    }

    /// Removes a member for ever.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn remove_member(&self, id: u64) -> Result<(), Error> {
        self.admin(AdminRequest::Remove { id }).await
    }

    /// Makes another member the leader: this one, or whichever is fit.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn transfer_leader(&self, to: Option<u64>) -> Result<(), Error> {
        self.admin(AdminRequest::TransferLeader { to }).await
    }

    async fn admin(&self, request: AdminRequest) -> Result<(), Error> {
        let wrong = |error: kv_proto::control::AdminError| Error::Invalid(error.to_string());
        request.check().map_err(wrong)?;
        let reply = self.call(Call::Admin(request)).await?;
        Answer::new(reply).done()
    }
}
