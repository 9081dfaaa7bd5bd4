use std::io::BufRead;
use chrono::{DateTime,Utc};
fn main(){ for l in std::io::stdin().lock().lines(){let l=l.unwrap(); let p:Vec<&str>=l.split('|').collect();
 let c:signalbox_schedules::Cron=p[0].parse().unwrap_or_else(|e|panic!("{e}")); let z=signalbox_schedules::time_zone(p[1]).unwrap(); let a:DateTime<Utc>=p[2].parse().unwrap(); let b:DateTime<Utc>=p[3].parse().unwrap();
 let t:Vec<String>=c.next_times(z,a).take_while(|t|*t<=b).take(1000).map(|t|t.format("%Y-%m-%dT%H:%M:%SZ").to_string()).collect();
 println!("{:?}|{:?}",c.temporal_cron_strings(),t);}}
