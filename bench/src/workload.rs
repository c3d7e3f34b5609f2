//! What a client sends, operation by operation.

use crate::api::{self, Tokens};
use crate::connection::Call;
use crate::load::{Client, Work};
use crate::operation::Operation;

/// Sessions that a client of the mix keeps for its deletes.
const MIX_KEEPS: usize = 100;

impl Client {
    /// Works until the window is over, or until there is nothing left to work with.
    pub(crate) async fn work(&mut self, work: Work) {
        match work {
            Work::Bare => {
                let call = api::bare();
                while !self.is_over() {
                    self.ask(call.clone()).await;
                }
            }
            Work::Operation(Operation::Create) => self.create().await,
            Work::Operation(Operation::Verify) => self.repeat(Tokens::verify).await,
            Work::Operation(Operation::Refresh) => self.repeat(Tokens::refresh).await,
            Work::Operation(Operation::Chain) => self.follow_chain().await,
            Work::Operation(Operation::Confirm) => self.confirm().await,
            Work::Operation(Operation::Read) => self.repeat(Tokens::read_data).await,
            Work::Operation(Operation::Write) => self.write().await,
            Work::Operation(Operation::Delete) => self.delete().await,
            Work::Operation(Operation::Mix) => self.mix().await,
        }
    }

    async fn repeat(&mut self, call: fn(&Tokens) -> Call) {
        while !self.is_over() {
            let call = call(&self.session());
            self.ask(call).await;
        }
    }

    async fn create(&mut self) {
        while !self.is_over() {
            let call = api::create(self.target().next_user());
            if let Some(reply) = self.ask(call).await {
                self.target().keep(reply);
            }
        }
    }

    async fn write(&mut self) {
        while !self.is_over() {
            let number = self.random().below(1_000_000);
            let call = self.session().write_data(number);
            self.ask(call).await;
        }
    }

    async fn follow_chain(&mut self) {
        while !self.is_over() {
            self.refresh().await;
        }
    }

    /// Refreshes its own session and holds the child.
    async fn refresh(&mut self) -> bool {
        let call = self.session().refresh();
        let child = match self.ask(call).await {
            Some(reply) => Tokens::read(&reply).ok(),
            None => None,
        };
        let refreshed = child.is_some();
        if let Some(child) = child {
            self.hold(child);
        }
        refreshed
    }

    async fn confirm(&mut self) {
        while !self.is_over()
            && let Some(child) = self.target().take_child()
        {
            self.ask(child.verify()).await;
        }
    }

    async fn delete(&mut self) {
        while !self.is_over()
            && let Some(session) = self.target().take()
        {
            self.ask_for(session.delete(), api::has_deleted).await;
        }
    }

    /// Of a hundred actions 90 verify, 5 refresh and confirm, 3 create, and 2 delete.
    async fn mix(&mut self) {
        let mut created = Vec::new();
        while !self.is_over() {
            match self.random().below(100) {
                0..5 => self.refresh_and_confirm().await,
                5..8 => {
                    let call = api::create(self.target().next_user());
                    created.extend(self.ask(call).await);
                    created.truncate(MIX_KEEPS);
                }
                8..10 if !created.is_empty() => {
                    let session = created.pop().and_then(|reply| Tokens::read(&reply).ok());
                    if let Some(session) = session {
                        self.ask_for(session.delete(), api::has_deleted).await;
                    }
                }
                _ => {
                    let call = self.session().verify();
                    self.ask(call).await;
                }
            }
        }
    }

    /// A site's backend does the same: the first use of the child's access token confirms it.
    async fn refresh_and_confirm(&mut self) {
        if !self.refresh().await {
            return;
        }
        let mut tokens = self.session().into_owned();
        if let Some(reply) = self.ask(tokens.verify()).await
            && tokens.replace_access(&reply).is_ok()
        {
            self.hold(tokens);
        }
    }
}
