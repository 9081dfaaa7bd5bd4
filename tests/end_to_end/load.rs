//! Many at once.

use futures::future::join_all;

use crate::{expect, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn ten_and_a_hundred_triggers_at_once_all_answer() {
    let (_stack, api) = shared().await;
    for many in [10, 100] {
        let group = unique("load");
        let ids: Vec<_> = (0..many).map(|n| format!("{group}-{n}")).collect();
        let answers = join_all(ids.iter().map(|id| {
            let path = format!("/trigger-workflow/{id}");
            let api = &api;
            async move { api.post(&path).await.unwrap() }
        }))
        .await;
        for answer in &answers {
            expect(answer, 200);
        }
        let stopped =
            join_all(ids.iter().map(async |id| api.post(&format!("/stop-workflow/{id}")).await.unwrap()))
                .await;
        stopped.iter().for_each(|answer| expect(answer, 200));
        let results =
            join_all(ids.iter().map(async |id| api.get(&format!("/workflow-result/{id}")).await.unwrap()))
                .await;
        results.iter().for_each(|answer| expect(answer, 200));
    }
}
