//! The rows of a query. A short answer is read before the call returns, which saves a task and two
//! thread switches; of a long one the rest is read by a task while the guest takes rows.

use std::pin::Pin;
use std::task::{Context, Poll};

use mysql_async::prelude::Queryable;
use mysql_async::{Error, Params};
use tokio::sync::{mpsc, oneshot};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::slot::Lease;
use super::{v3, values};

/// Rows that are read before a call returns, and at a time afterwards.
const BATCH: usize = 64;

/// Spin's limit for one answer.
const MOST_BYTES: usize = 128 << 20;

/// What a query returned.
pub(super) struct Answer {
    pub(super) columns: Vec<v3::Column>,
    pub(super) rows: Rows,
    pub(super) result: Ending,
}

/// How the rows end.
pub(super) enum Ending {
    Known(Result<(), v3::Error>),
    Later(oneshot::Receiver<Result<(), v3::Error>>),
}

/// Rows: those that are there, and where the others come from.
pub(super) struct Rows {
    ready: Vec<v3::Row>,
    others: Option<mpsc::Receiver<Vec<v3::Row>>>,
}

/// Runs the query. The lease is given back when all rows were read.
pub(super) async fn query(lease: Lease, sql: String, params: Params) -> Result<Answer, Error> {
    let (first, mut more) = oneshot::channel();
    let mut reading = Box::pin(read(lease, sql, params, first));
    tokio::select! {
        biased;
        done = &mut reading => {
            let Done { columns, rows, result } = done?;
            // A long answer can be complete at once as well.
            let (ready, others) = match more.try_recv() {
                Ok(First { rows, others, .. }) => (rows, Some(others)),
                Err(_) => (rows, None),
            };
            Ok(Answer { columns, rows: Rows { ready, others }, result: Ending::Known(result) })
        }
        Ok(First { columns, rows, others }) = &mut more => {
            let (ending, result) = oneshot::channel();
            tokio::spawn(async move {
                let result = match reading.await {
                    Ok(done) => done.result,
                    Err(error) => Err(v3::Error::Other(error.to_string())),
                };
                // The guest need not care how it ended.
                _ = ending.send(result);
            });
            let rows = Rows { ready: rows, others: Some(others) };
            Ok(Answer { columns, rows, result: Ending::Later(result) })
        }
    }
}

/// All that was read, or what was left of it.
struct Done {
    columns: Vec<v3::Column>,
    rows: Vec<v3::Row>,
    result: Result<(), v3::Error>,
}

/// The beginning of a long answer.
struct First {
    columns: Vec<v3::Column>,
    rows: Vec<v3::Row>,
    others: mpsc::Receiver<Vec<v3::Row>>,
}

async fn read(
    mut lease: Lease,
    sql: String,
    params: Params,
    first: oneshot::Sender<First>,
) -> Result<Done, Error> {
    let mut first = Some(first);
    let mut others: Option<mpsc::Sender<Vec<v3::Row>>> = None;
    let mut size = 0;
    let mut rows = Vec::new();
    let (conn, shared) = lease.parts();
    let mut answer = match conn.exec_iter(sql, params).await {
        Ok(answer) => answer,
        Err(error) => {
            lease.give_back();
            return Err(error);
        }
    };
    let columns: Vec<_> = answer.columns_ref().iter().map(values::column).collect();
    let result = loop {
        match answer.next().await {
            Ok(None) => break Ok(()),
            Err(error) => break Err(v3::Error::Other(error.to_string())),
            Ok(Some(row)) => match values::row(row, &columns) {
                Err(error) => break Err(error),
                Ok((row, bytes)) => {
                    size += bytes;
                    rows.push(row);
                }
            },
        }
        if size > MOST_BYTES {
            break Err(v3::Error::Other(format!(
                "query result exceeds limit of {MOST_BYTES} bytes"
            )));
        }
        if rows.len() < BATCH {
            continue;
        }
        let rows = std::mem::take(&mut rows);
        if let Some(first) = first.take() {
            let (sender, receiver) = mpsc::channel(2);
            others = Some(sender);
            shared.start_streaming();
            _ = first.send(First {
                columns: columns.clone(),
                rows,
                others: receiver,
            });
        } else if let Some(others) = &others
            && others.send(rows).await.is_err()
        {
            // The guest has dropped the stream; the driver skips the rest before the next call.
            break Ok(());
        }
    };
    drop(answer);
    if let Some(others) = &others
        && !rows.is_empty()
    {
        _ = others.send(std::mem::take(&mut rows)).await;
    }
    // Before the guest can see the end of the stream.
    lease.give_back();
    Ok(Done {
        columns,
        rows,
        result,
    })
}

impl Answer {
    /// Waits for all rows.
    pub(super) async fn collect(self) -> Result<Vec<v3::Row>, v3::Error> {
        let Rows {
            ready: mut rows,
            others,
        } = self.rows;
        if let Some(mut others) = others {
            while let Some(more) = others.recv().await {
                rows.extend(more);
            }
        }
        self.result.wait().await.map(|()| rows)
    }
}

impl Ending {
    /// Waits for the end.
    pub(super) async fn wait(self) -> Result<(), v3::Error> {
        match self {
            Self::Known(result) => result,
            Self::Later(result) => result.await.unwrap_or_else(|_| {
                Err(v3::Error::Other("async error: channel closed".to_owned()))
            }),
        }
    }
}

impl<D> StreamProducer<D> for Rows {
    type Item = v3::Row;
    type Buffer = VecBuffer<v3::Row>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let ready = std::mem::take(&mut self.ready);
        let Some(others) = &mut self.others else {
            destination.set_buffer(ready.into());
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        if !ready.is_empty() {
            destination.set_buffer(ready.into());
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        match others.poll_recv(cx) {
            Poll::Ready(Some(rows)) => {
                destination.set_buffer(rows.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
