//! Turkish and Japanese: dotted and dotless i, and no blanks between words.

use super::{Language, Topic};

pub(super) const TURKISH: Language = Language {
    tag: "tr",
    topics: [
        Topic {
            openings: &[
                "Merhaba, hesabımdan iki kez {amount} lira çekildi.",
                "{order} numaralı faturayı anlamadım.",
            ],
            exchanges: &[
                ("Param ne zaman geri gelir?", "{amount} lira en geç ayın {day}. günü hesabınızda."),
                ("Neden geçen aydan fazla?", "Ayın {day}. günü yıllık ücret eklendi."),
            ],
        },
        Topic {
            openings: &["Kargom nerede? Sipariş {order}.", "Kargo bir haftadır {city} şubesinde görünüyor."],
            exchanges: &[
                ("Komşuya bırakabilirler mi?", "Evet, kurye için not ettim."),
                ("Ya kaybolduysa?", "Hemen yenisini ücretsiz göndeririz."),
            ],
        },
        Topic {
            openings: &[
                "{order} numaralı rezervasyonu ayın {day}. gününe almak istiyorum.",
                "{city} için onay gelmedi.",
            ],
            exchanges: &[
                ("Ayın {day}. günü boş yer var mı?", "Evet, {amount} liradan iki oda var."),
                ("Kahvaltı dahil mi?", "Evet, yediden on buçuğa kadar."),
            ],
        },
        Topic {
            openings: &["Giriş yapamıyorum, şifre yanlış diyor.", "Sıfırlama iletisi bir türlü gelmiyor."],
            exchanges: &[
                ("İstenmeyen kutusunda da yok.", "Başka bir sunucudan yeniden gönderdim."),
                ("Bağlantının süresi dolmuş.", "Yalnızca sonuncusu geçerli, bir dakika önceki."),
            ],
        },
        Topic {
            openings: &["İade: {order} siparişindeki ayakkabılar küçük geldi.", "Lamba kırık geldi."],
            exchanges: &[
                ("Özgün kutusu gerekli mi?", "Hayır, sağlam her kutu olur."),
                ("Geri gönderim ücretini kim öder?", "Biz öderiz, etiket hazır."),
            ],
        },
    ],
    greetings: &[
        "İyi günler, ben {name}. Nasıl yardımcı olabilirim?",
        "Yazdığınız için teşekkürler, hemen bakıyorum.",
    ],
    general: &[
        ("Numaram {order}.", "Teşekkürler, kaydı buldum."),
        ("Ayın {day}. günü de yazmıştım.", "Kusura bakmayın, iletinizi görüyorum."),
        ("Gerçek bir insan mısınız?", "Evet, adım {name}."),
        ("Bunu yazılı alabilir miyim?", "Elbette, bir saat içinde."),
        ("Daha çok sürer mi?", "İki üç dakika, soruyorum."),
        ("Bir dakika, kapı çalıyor.", "Sorun değil, bekliyorum."),
        ("Taşındım, artık {city} adresindeyim. Sorun olur mu?", "Hayır, yalnızca adresi değiştirdim."),
        ("Uygulamadan yazıyorum.", "Fark etmez."),
        ("Daha basit anlatır mısınız?", "Siz evet demeden hiçbir şey olmaz."),
    ],
    thanks: &["Çok teşekkür ederim, çözüldü.", "Harika, sağ olun!", "Tamam, deneyip yazarım."],
    goodbyes: &["Rica ederim, iyi günler!", "Yardımcı olabildiysem ne mutlu."],
    returns: &["Yine ben: hâlâ çalışmıyor.", "{order} siparişini unuttum."],
};

pub(super) const JAPANESE: Language = Language {
    tag: "ja",
    topics: [
        Topic {
            openings: &[
                "今月、{amount}ユーロが二重に引き落とされました。",
                "請求書{order}の内容が分かりません。",
            ],
            exchanges: &[
                ("返金はいつになりますか。", "{day}日までに{amount}ユーロをお返しします。"),
                ("なぜ先月より高いのですか。", "{day}日に年会費が加わったためです。"),
            ],
        },
        Topic {
            openings: &["荷物が届きません。注文番号は{order}です。", "一週間前から{city}で止まっています。"],
            exchanges: &[
                ("隣の人に預けてもらえますか。", "はい、配達員に伝えました。"),
                ("なくなった場合はどうなりますか。", "すぐに無料で新しい物をお送りします。"),
            ],
        },
        Topic {
            openings: &["予約{order}を{day}日に変更したいです。", "{city}の予約の確認が届いていません。"],
            exchanges: &[
                ("{day}日は空いていますか。", "はい、{amount}ユーロから二部屋ございます。"),
                ("朝食は付いていますか。", "はい、七時から十時半までです。"),
            ],
        },
        Topic {
            openings: &["パスワードが違うと出て、ログインできません。", "再設定のメールが届きません。"],
            exchanges: &[
                ("迷惑メールにもありません。", "別のサーバーからもう一度お送りしました。"),
                ("リンクの期限が切れたそうです。", "一分前にお送りした最新のリンクをお使いください。"),
            ],
        },
        Topic {
            openings: &["注文{order}の靴が小さいので返品したいです。", "ランプが壊れて届きました。"],
            exchanges: &[
                ("元の箱は必要ですか。", "いいえ、丈夫な箱なら大丈夫です。"),
                ("返送料はどちらの負担ですか。", "当店が負担いたします。"),
            ],
        },
    ],
    greetings: &[
        "お問い合わせありがとうございます。担当の{name}です。",
        "お待たせしました。すぐに確認いたします。",
    ],
    general: &[
        ("番号は{order}です。", "ありがとうございます。見つかりました。"),
        ("{day}日にも連絡しました。", "申し訳ございません。確認できました。"),
        ("人と話していますか。", "はい、{name}と申します。"),
        ("書面でもらえますか。", "はい、一時間以内にお送りします。"),
        ("まだ時間がかかりますか。", "あと二、三分お待ちください。"),
        ("少し待ってください。", "かしこまりました。"),
        ("{city}に引っ越しましたが大丈夫ですか。", "はい、住所を変更しました。"),
        ("アプリを使っています。", "同じ画面ですので問題ありません。"),
        ("もう少し簡単に説明してもらえますか。", "同意されるまで何も変わりません。"),
    ],
    thanks: &[
        "ありがとうございました。解決しました。",
        "助かりました、ありがとう！",
        "分かりました、試してみます。",
    ],
    goodbyes: &["どういたしまして。よい一日を！", "またいつでもご連絡ください。"],
    returns: &["まだ直っていないようです。もう一度お願いします。", "注文{order}のことも忘れていました。"],
};
