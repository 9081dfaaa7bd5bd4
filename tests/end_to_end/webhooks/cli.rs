//! `signalbox send`, to declared sources.

use super::{hooked, secret_of};
use crate::{cli::Cli, unique};

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_sent_signed_and_what_comes_of_them_is_told() {
    let (hooked, _) = hooked().await;
    let cli = Cli::to(&hooked.stack).with("PAYMENTS_SECRET", secret_of("payments"));
    let routes = hooked.folder.path().to_str().unwrap();
    let id = unique("sent");
    let sent = [
        "send",
        "payments.invoice.paid",
        "--sign",
        "--id",
        &id,
        "--routes",
        routes,
        "--wait",
        "30s",
        "--json",
    ];
    let told = cli.run(&sent).await;
    assert_eq!(told.code, 0, "{told:?}");
    let answer = told.json();
    assert_eq!(answer["workflows"][0]["workflow_id"], format!("hook-payments-evt_{id}"), "{answer}");
    let told = cli.run(&sent[..sent.len() - 1]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("hooked") && told.stdout.contains("events show"), "{told:?}");

    // Unsigned it is refused, and the secret has to be somewhere.
    let refused = cli.run(&["send", "payments.invoice.paid", "--routes", routes]).await;
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("stripe-signature"), "{refused:?}");
    let without = cli.run(&["send", "shop.orders.create", "--sign", "--routes", routes]).await;
    assert_eq!(without.code, 64, "{without:?}");
    assert!(without.stderr.contains("the variable SHOP_SECRET is not set"), "{without:?}");
    let unknown = cli.run(&["send", "payments.invoice.pad", "--routes", routes]).await;
    assert_eq!(unknown.code, 64, "{unknown:?}");
    assert!(unknown.stderr.contains("invoice.paid"), "{unknown:?}");

    // Slack's question is answered, to a path that is named, too.
    let to = hooked.stack.api.url("/webhooks/chat");
    let cli = cli.with("CHAT", secret_of("chat"));
    let asked =
        ["send", "slack.url_verification", "--sign", "--secret-env", "CHAT", "--to", &to, "--routes", routes];
    let told = cli.run(&asked).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("challenge"), "{told:?}");
}
