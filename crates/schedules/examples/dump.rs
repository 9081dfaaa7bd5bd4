use std::io::BufRead;
fn main(){ for l in std::io::stdin().lock().lines(){let l=l.unwrap(); match l.parse::<signalbox_schedules::Cron>(){Ok(c)=>println!("{l:24} {} {:?}",c.meaning(),c.temporal_cron_strings()),Err(e)=>println!("{e}")}}}
