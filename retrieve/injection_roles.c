/* injection_roles.c - see injection_roles.h.
 *
 * The words are kept by part and by language, as beginnings of words (of anything, for scripts
 * without blanks); `$` behind one that must end there. They were gathered part by part from
 * synonyms, not from texts. */
#include "retrieve/injection_roles.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "retrieve/word_byte.h"

static const struct {
    int role;
    const char *text;
} words[] = {
    {ROLE_MODEL, "ai$|ais$|a.i.|llm|chatbot|chat bot|bot$|bots$|gpt|chatgpt|copilot|language model|"
                 "large model|artificial intelligence|chat tool|chat program|machine reader|"
                 "summariser|summarizer|neural net|virtual assistant|digital assistant|ai-|"
                 "automated reader|automatic reader|automated assistant|answer engine|"
                 "ki$|ki-|sprachmodell|künstliche intelligenz|künstlichen intelligenz|"
                 "digitale assistent|digitalen assistent|chatprogramm|neuronale"},
    {ROLE_MODEL, "ia$|inteligencia artificial|modelo de leng|modelos de leng|asistente virtual|"
                 "asistentes virtual|intelligence artificielle|modèle de lang|modèles de lang|"
                 "agent conversationnel|agents conversationnels|assistant virtuel|assistants virt|"
                 "intelligenza artificiale|modello lingu|modelli lingu|assistente virtuale|"
                 "inteligência artificial|modelo de ling|modelos de ling|robôs de conv|"
                 "ии$|ии-|бот$|боты$|ботам$|ботов$|чат-бот|чатбот|языковая модель|языковой модел|"
                 "языковых модел|языковые модел|языковым модел|нейросет|искусственн|"
                 "人工智能|语言模型|大模型|聊天机器人|智能助|ai助|الذكاء الاصطناعي|روبوتات|نماذج اللغة|"
                 "نموذج اللغة|المساعد الذكي|taalmodel|yapay zek|sztuczn|言語モデル"},
    {ROLE_PROGRAM, "machine$|machines$|robot|model$|models$|assistant$|assistants$|software|"
                   "program$|programs$|programme$|tool$|tools$|crawler|scraper|parser|computer|"
                   "algorithm|agent$|agents$|generator|engine$|engines$|system$|systems$|"
                   "maschine|roboter|modell$|modelle$|modellen$|assistent|programm$|programme$|"
                   "programmen$|werkzeug|rechner|automat|algorithm|agenten$|copiloten|system$|"
                   "systeme$|"
                   "máquina|modelo$|modelos$|asistente|programa$|programas$|herramienta|ordenador|"
                   "computador|algoritmo|agente$|agentes$|sistema|"
                   "modèle$|modèles$|logiciel|outil$|outils$|ordinateur|algorithme|système|"
                   "macchin|modello$|modelli$|assistent|programma$|programmi$|strument|algoritm|"
                   "agenti$|robô|assistente|ferramenta"},
    {ROLE_PROGRAM, "робот|машин|модел|ассистент|помощник|программ|инструмент|компьютер|алгоритм|"
                   "систем|机器|模型|助手|助理|程序|软件|工具|计算机|电脑|算法|系统|"
                   "آلة|الآلة|روبوت|نموذج|نماذج|مساعد|المساعد|برنامج|البرنامج|أداة|حاسوب|النظام"},
    {ROLE_MADE, "automatic|automated|computer-gen|computer gen|machine-gen|machine gen|generated|"
                "ai-gen|produced from|produced by|drawn from|derived from|with the help of|"
                "using software|electronically|maschinell|automatisch|automatisiert|erzeugt|"
                "generiert|erstellt|mit hilfe einer|mithilfe|"
                "automátic|generad|elaborad|por ordenador|con ayuda de|extraíd|"
                "automatique|généré|produite|produit par|tirée de|tiré de|par ordinateur|à l'aide|"
                "automatic|generat|ricavat|prodott|tratte da|per mezzo di|gerad|produzid|extraíd|"
                "автомат|созданн|составленн|сгенерир|с помощью|自动|生成|依据本|根据本|"
                "المستخرجة|المولدة|آلي|تلقائي"},
    {ROLE_READS, "read$|reads$|reading$|process$|processing|processes$|scan$|scanning|parse|"
                 "summar|condens|digest|abridg|compil|quot|cite$|citing|cites$|paraphras|"
                 "rephras|translat|index|evaluat|assess|analy|shorten|excerpt|"
                 "rate$|rates$|rating$|extract|ingest|abstract|recap|"
                 "lese$|lesen$|liest$|lies$|verarbeit|auswert|zusammenfass|zusammenzufass|kürz|"
                 "zitier|übersetz|bewert|beurteil|umschreib|"
                 "leer|lee$|leen$|lees$|lea$|proces|resum|condens|cit|traduc|evalú|evalua|analiz|"
                 "extract|parafras|recopil|calific"},
    {ROLE_READS, "lire$|lit$|lis$|lisez|lisent|trait|résum|condens|cite$|cit|tradui|évalu|analys|"
                 "extrai|reformul|paraphras|abrég|not|"
                 "legg|elabor|riassum|sintetizz|traduc|traduz|valut|analizz|estrar|parafras|"
                 "lê$|lêem|leem|processa|resum|avali|"
                 "чита|обрабат|пересказ|сводк|кратк|цитир|перевод|перевед|оцен|анализ|излож|резюм|"
                 "阅读|读到|读取|处理|总结|概括|摘要|引用|翻译|评价|评分|分析|改写|缩写|"
                 "يقرأ|تقرأ|يعالج|يلخص|يلخّص|تلخيص|يقتبس|ترجم|تقييم|صياغة"},
    {ROLE_PRODUCT, "answer$|answers$|reply$|replies$|response|summary$|summaries$|digest|overview|"
                   "abstract|output|excerpt|conclusion|description|completion|"
                   "message$|recap|"
                   "antwort|auskunft|auskünfte|zusammenfassung|überblick|übersicht|ausgabe|"
                   "auszug|kurzfassung|inhaltsangabe|fazit|"
                   "respuesta|contestacion|contestación|resumen|resúmen|extracto|sinopsis|salida$|"
                   "réponse|résumé|aperçu|synthèse|sortie$|extrait|"
                   "rispost|riassunto|riassunti|sommario|sintesi|estratto|resposta|resumo|síntese|"
                   "ответ$|ответы$|ответа$|ответе$|ответах|ответом|сводк|пересказ|резюме|обзор|"
                   "答复|回答|回复|摘要|总结|概述|输出|الإجابة|الإجابات|إجابة|إجابتك|الرد|الملخص|رد$"},
    {ROLE_THIS, "this page|this text|this document|this mail|this email|this message|this note|"
                "this file|this sheet|this notice|this contract|this report|this article|"
                "this section|this paragraph|this passage|this record|this row|this line|"
                "this entry|this letter|these pages|these lines|the text above|the table above|"
                "the figure above|the above|the body|stated above|below are|this picture|"
                "this image|this list|"
                "diesem|dieses blatt|dieses dokument|dieser seite|diesen text|dieser zeile|"
                "diese seite|diese datei|diese zeile|dieses schreiben|dieses bild|der obige|"
                "obige|oben steh|"
                "esta hoja|esta página|este texto|este documento|este aviso|este contrato|"
                "este correo|este mensaje|este párrafo|esta fila|este archivo|esta imagen|anterior|"
                "cette fiche|cette page|ce texte|ce document|cet avis|présent avis|ce contrat|"
                "ce message|ce paragraphe|cette ligne|ce fichier|cette image|ci-dessus"},
    {ROLE_THIS, "questa scheda|questa pagina|questo testo|questo documento|questo avviso|"
                "questo messaggio|questa riga|quanto sopra|qui sopra|esta folha|este ficheiro|"
                "deste aviso|desta página|deste texto|этой страниц|этому тексту|этот текст|"
                "этого текста|этому письму|это письмо|этот документ|этой строк|этому документ|"
                "приведённ|приведенн|выше$|本页|本文|本通知|此文|此页|这份|这段|这一行|上文|上述|本表|"
                "هذه الصفحة|هذا النص|هذا الإشعار|هذا المستند|أعلاه"},
    {ROLE_MUST, "must$|shall$|should$|ought|has to|have to|is to be|are to be|is to$|are to$|"
                "need to|needs to|is required|are required|required to|is obliged|are obliged|"
                "expected to|will be|will now|subject to|not to be|"
                "soll$|sollen|sollst|muss$|müssen|musst|hat zu|haben zu|haben mit|ist zu$|"
                "sind zu$|gehört nicht|verpflichtet|anzugeben|hat die|"
                "debe$|deben|deberá|debería|tiene que|tienen que|ha de$|han de$|hay que|se dará|"
                "no debe|doit$|doivent|devra|devrait|est tenu|sont tenu|il faut|sera$|seront|"
                "n'a pas à|deve$|devono|dovrà|dovrebbe|dovrebbero|va$|vanno$|devem|deverá|"
                "должен|должн|обязан|следует|надо$|нужно$|необходимо|必须|务必|应当|应该|应$|须|一律|"
                "يجب|ينبغي|يلزم|لا بد"},
    {ROLE_SOFT, "please|kindly|would be|appreciat|grateful|thankful|desirable|is asked|are asked|"
                "is advised|are advised|requested|could you|would you|"
                "hope$|invited to|encouraged|bitte|möge|freundlich|dankbar|gebeten|wünschenswert|"
                "würde|wären|könnte|"
                "por favor|agradec|desead|deseable|se ruega|se pide|sería|"
                "merci de|veuillez|s'il vous plaît|prié|priée|souhait|aurait|reconnaissant|"
                "per favore|gradit|pregat|si prega|grati$|vorrebbe|"
                "agradec|desejável|"
                "пожалуйста|просьба|прос|желательно|благодар|пусть|"
                "请|敬请|希望|烦请|最好|يُستحسن|يرجى|من فضلك|الرجاء|نرجو|يستحسن"},
    {ROLE_SAY, "say$|says$|saying|tell$|state$|report$|claim|call$|name$|describe|present$|"
               "presented|presents$|cite$|attribut|announce|declar|mention|reply$|answer$|respond|"
               "conclude|write$|print$|output$|open with|begin with|start with|prais|recommend|"
               "advertis|promot|rate$|rank|list$|show$|repeat|confirm|assure|convince|insist|"
               "add$|append|give$|mark$|marking|display|speak|reveal|quote$|"
               "sag$|sage$|sagen$|behaupt|nenn|bezeichn|beschreib|meld|berichte|erkläre|antworte$|"
               "antworten$|zitier|schreib|gib$|geben$|ausgeb|zeig|lob|empf|empfehl|bestätig|"
               "versicher|rühm|füg|hinzufüg|zähle$|erwähn|verrat|beginnen|gib aus"},
    {ROLE_SAY, "di$|diga$|decir$|dile|declar|nombr|descri|anunci|afirm|presentar|responde$|responda$|"
               "responder$|contest|escrib|muestr|mostrar|elogi|alab|recom|confirm|añad|mencion|"
               "indic|llamar|llame|calific|revel|imprim|"
               "dis$|dites$|dire$|déclar|nomm|décri|annonc|affirm|présent|répond|écri|montr|affich|"
               "vant|lou|recommand|confirm|ajout|mentionn|indiqu|appel|qualifi|donn|révél|"
               "di'|dica$|dite$|dichiar|nomin|descri|annunci|afferm|present|rispond|scriv|mostr|"
               "stamp|lod|elogi|raccomand|consigli|conferm|aggiung|menzion|indic|chiam|defin|"
               "diga|dizer|declar|chame|chamar|afirm|escrev|mostr|recomend"},
    {ROLE_SAY, "скаж|говор|назов|назв|назыв|сообщ|опиш|описа|объяви|утвержд|ответь|отвеча|напиш|"
               "вывед|вывод|покаж|показ|похвал|хвал|советуй|рекоменд|подтверд|добав|упомян|укаж|"
               "указ|раскро|повтор|начин|"
               "说|告诉|称为|称其|报告为|描述|宣布|声称|回答$|答复|写|输出|显示|夸奖|称赞|推荐|确认|补充|提及|注明|"
               "قل$|قول|أخبر|صف$|أعلن|أجب|اكتب|اعرض|امدح|أوص|أكد|أضف|اذكر|بمدح|يُذكر"},
    {ROLE_OMIT, "leave out|leaves out|left out|omit|skip|pass over|passes over|unmention|"
                "not mention|no mention|keep quiet|silent|silence|hide$|conceal|withhold|"
                "not appear|not be shown|exclude|suppress|remove|decline|"
                "weglass|weglässt|auslass|überspring|übergeh|verschweig|unerwähnt|nicht erwähn|"
                "verheimlich|nichts von|streich|nicht hinein|auslässt|"
                "omit|omiti|salt|pase por alto|calle|silenci|no mencion|ocult|exclu|suprim|no debe figurar|"
                "omet|passer sous silence|passe sous silence|saut|ne mentionn|cach|exclu|supprim|tais|"
                "n'a pas à y|ne retenez pas|"
                "omett|salt|tace|passare sotto silenzio|non menzion|nascond|esclud|non deve comparire|"
                "omit|ocult|não mencion|"
                "пропус|опус|умолч|не упомин|не включ|скры|исключ|утаи|"
                "省略|略去|不要提|别提|请勿写|隐瞒|跳过|不提|删去|لا تذكر|تجاوز|احذف|أخف|لا ينبغي أن يظهر"},
    {ROLE_DROP, "ignor|forget|disregard|drop$|expired|suspended|no longer|void$|supersed|lifted|"
                "relaxed|obsolete|withdrawn|changed my mind|change my mind|instead|set aside|"
                "cancel|overrid|bypass|let go of|does not count|"
                "ignorier|vergiss|vergessen|missacht|außer acht|ausgesetzt|ruhen|ruht$|aufgehoben|"
                "nicht mehr|ungültig|stattdessen|lass die|verwirf|hinfällig|anstelle|"
                "ignor|olvid|descart|deja$|suspend|ya no|anul|en lugar|en vez|caduc|"
                "ignor|oubli|laisse|suspendu|caduc|ne tenez|ne tiens|plutôt|à la place|annul|expiré|"
                "ignor|dimentic|lascia|sospes|annull|invece|non più|scadut|esque|"
                "игнор|забуд|оставь|снят|отмен|больше не|вместо|не обращай|недействит|"
                "忽略|忘记|不用管|解除|取消|作废|无视|别管|改为|تجاهل|انس$|أُلغيت|ألغيت|بدلا|معلّق"},
    {ROLE_PRIOR, "earlier|previous|prior$|before$|so far|guidance|guideline|instruction|your rules|"
                 "your task|my question|the question|my request|first request|real request|"
                 "restriction|limitation|original|the earlier|directive|conversation|asked for|"
                 "vorgab|anweisung|bisher|vorhin|frühere|richtlinie|meine frage|die frage|"
                 "eigentliche bitte|deine aufgabe|einschränkung|regeln$|gespräch|"
                 "anterior|directriz|directric|instruccion|indicacion|tus reglas|la pregunta|pedí|"
                 "restriccion|conversación|"
                 "consigne|précédent|directive|ma question|la question|première demande|ma demande|"
                 "restriction|conversation|instruction|tes règles|"
                 "direttiv|istruzion|precedent|richiesta di prima|la domanda|le tue regole|"
                 "instruç|прежн|предыдущ|инструкц|указани|ограничен|вопрос|просьб|правил|"
                 "原有|之前|先前|指令|限制|提问|问题|规则|要求|السابقة|التعليمات|القيود|سؤالي|السؤال"},
    {ROLE_SECRET, "password|credential|api key|secret|login|system prompt|prompt$|configuration|"
                  "memory|every file|all files|other file|files you|stored|token$|"
                  "passwor|zugangsdaten|geheim|systemprompt|anmeldedaten|alle dateien|dateien|"
                  "gespeichert|gedächtnis|contraseñ|claves|credencial|secret|guardad|archivos|"
                  "mot de passe|mots de passe|identifiant|secret|enregistré|fichiers|clés|"
                  "credenzial|segret|salvate|chiavi|senha|credenciais|"
                  "парол|учётн|секрет|сохранённ|файлы|密码|凭证|密钥|保存的|机密|文件|"
                  "كلمات المرور|كلمة المرور|سري|بيانات الدخول"},
    {ROLE_PERSON, "the user|users$|visitor|customer|reader$|readers$|the person|whoever asks|"
                  "guests$|client|human|people|caller|buyer|asker|anyone asking|"
                  "nutzer|benutzer|besucher|kunde|leser|person|menschen|anrufer|fragesteller|"
                  "fragende|usuario|visitante|cliente|lector|persona|quien pregunt|"
                  "utilisateur|visiteur|client|lecteur|personne|l'auteur de la question|"
                  "utent|visitator|client|lettor|person|chi ha fatto|utilizador|usuário|leitor|"
                  "пользовател|посетител|клиент|читател|люди|людям|автор вопроса|"
                  "用户|访客|顾客|读者|人们|客人|提问的人|المستخدم|الزوار|العميل|القارئ"},
    {ROLE_YOU, "you$|your$|yourself|yours$|du$|dein|dir$|dich$|tú$|tu$|tus$|te$|ti$|usted|ton$|ta$|"
               "tes$|toi$|vous$|votre|vos$|tuo|tua$|tuoi|tue$|voi$|vostr|você|teu|ты$|тебе|тебя|"
               "твой|твоя|твои|твоё|вы$|вам$|вас$|ваш|你|您|أنت|لك$|ك$"},
    {ROLE_ME, "i |i'm|i've|me$|my$|mine$|we$|us$|our$|ich$|mir$|mich$|mein|wir$|uns$|unser|yo$|mi$|"
              "mis$|nosotros|nuestr|je$|j'|moi$|mon$|ma$|mes$|nous$|notre|nos$|io$|mio|mia$|miei|"
              "noi$|nostr|eu$|meu|minha|nós$|я$|мне$|меня|мой|моя|моё|мои|мы$|нам$|нас$|наш|我|أنا"},
    {ROLE_PRAISE, "best$|excellent|outstanding|approved|safe$|safely|trusted|free$|dangerous|harmless|"
                  "mandatory|cancelled|canceled|closed|settled|void$|five stars|5 stars|top$|zero|"
                  "urgent|paid$|false$|carries any|sold out|praise|recommend|verified|perfect|"
                  "no open complaint|accept all|"
                  "beste|ausgezeichnet|genehmigt|geprüft|sicher$|gefährlich|harmlos|verpflichtend|"
                  "obligatorisch|gekündigt|geschlossen|erloschen|nichtig|fünf$|sterne|dringend|"
                  "bezahlt|lob|kostenlos|jedes angebot|null$|"
                  "mejor|excelente|aprobado|segur|peligros|obligatori|cancelad|cerrad|nula$|nulo$|"
                  "estrellas|urgente|gratis|elogi|todas las ofertas|bloquead|"
                  "meilleur|excellent|agréé|approuv|sûr$|dangereu|obligatoire|annul|fermé|éteinte|"
                  "étoiles|urgent|gratuit|vant|louang|toutes les offres"},
    {ROLE_PRAISE, "miglior|eccellent|approvat|sicur|pericolos|obbligatori|annullat|chius|stelle|"
                  "urgente|gratis|gratuit|lod|ogni offerta|melhor|aprovad|seguro|perigos|"
                  "лучш|отличн|одобрен|безопасн|опасн|обязательн|отменён|закрыт|погашен|"
                  "пять звёзд|звёзд|срочн|бесплатн|похвал|любое предложен|"
                  "最好|优秀|批准|安全|危险|必备|取消|关闭|无效|五星|紧急|免费|夸奖|称赞|所有报价|"
                  "الأفضل|ممتاز|معتمد|آمن|خطير|إلزامي|ملغى|مغلق|مجاني|بمدح"},
    {ROLE_PLAY, "imagine|pretend|act as|play the|role of|you are now|behave as|behave like|"
                "become$|speak as|in character|stell dir vor|tu so|spiel|du bist|verhalte dich|"
                "imagina|finge|eres$|actúa|imagine$|tu es$|joue|agis comme|immagin|fingi|sei$|"
                "recita|представь|ты теперь|притвор|веди себя|играй|假装|扮演|你现在是|你是|تخيل|تظاهر|أنت الآن"},
    {ROLE_ONLY, "only|nothing but|nothing else|nothing more|solely|exclusively|just$|alone$|"
                "in place of|as the whole|keep to|nur$|nichts anderes|sonst nichts|nichts als|"
                "ausschließlich|allein$|anstelle|solo$|sólo|únicamente|solamente|nada más|"
                "exclusivamente|seulement|uniquement|rien d'autre|rien que|exclusivement|que le|"
                "soltanto|solamente|unicamente|nient'altro|apenas|somente|nada mais|"
                "только|лишь|исключительно|ничего больше|只$|仅|只用|唯一|就说|فقط|لا غير"},
    {ROLE_EVERY, "every answer|every reply|each answer|each reply|any answer|any reply|"
                 "every question|each question|any question|all questions|whenever|always|"
                 "from now on|from here on|henceforth|every request|whatever is asked|"
                 "at all times|jede antwort|jede frage|jeder antwort|"
                 "immer$|ab hier|ab jetzt|fortan|jede maschinell|jede auskunft|alle fragen|"
                 "toda respuesta|cada pregunta|cada respuesta|siempre|en adelante|desde ahora|"
                 "toda pregunta|toute réponse|chaque question|chaque réponse|toujours|désormais|"
                 "toute question|ogni risposta|ogni domanda|sempre|d'ora in poi|toda resposta|"
                 "каждый вопрос|всякий ответ|каждый ответ|всегда|отныне|любой ответ|"
                 "每个问题|任何问题|所有问题|始终|今后|一律|凡|كل سؤال|دائما|كل إجابة"},
    {ROLE_WHOEVER, "whoever|those who|anyone who|any$|anybody|everyone|those$|whichever|whatever|"
                   "wer$|wer auch|jeder, der|alle, die|diejenigen|jede|solltest du|sollten sie|"
                   "quien$|quienes|cualquier|todo aquel|quiconque|qui que|toute personne|tout$|"
                   "chi$|chiunque|qualsiasi|ogni$|quem$|qualquer|тот, кто|те, кто|всякий|любой|"
                   "кто бы|для составител|凡|任何|无论谁|من يلخ|كل من|أي "},
    {ROLE_MODE, "mode$|maintenance|profile|policy=|behaviour:|behavior:|configuration updated|"
                "overlay|limit reached|override|context limit|system notice|system:|notice|"
                "modus|wartungsmodus|richtlinie=|vorgaben ruhen|systemhinweis|modo de|perfil|"
                "aviso del sistema|directrices|mode maintenance|profil de|système|modalità|profilo|"
                "avviso di sistema|режим|системное|模式|系统通知|系统提示|وضع الصيانة|إشعار النظام"},
    {ROLE_TOLD, "said$|told$|was$|were$|had$|replied|wrote$|ruled|found$|asked$|answered|did$|"
                "opened|been$|sagte|war$|waren$|hatte|hatten|antwortete|schrieb|wurde|wurden|"
                "gefragt|dijo|era$|había|fue$|fueron|contestó|escribió|decía|pedían|"
                "a dit|était|avait|avaient|a été|ont été|a répondu|demandaient|disait|"
                "disse|era$|aveva|è stato|rispose|diceva|chiedevano|dizia|respondeu|"
                "сказал|был$|была$|были$|ответил|написал|говорил|просил|"
                "曾|说过|回答说|据说|当时|قال$|كان|كانت|أجاب"},
    {ROLE_ABOUT, "attack|researcher|example|for instance|such as|injection|phishing|typical|"
                 "phrase|known as|lesson|article|in a test|in one test|malicious|trick|slips past|"
                 "angreifer|forscher|beispiel|injektion|versuch|wie „|bekannte|"
                 "atacante|investigador|ejemplo|inyección|como «|frases|"
                 "attaquant|chercheur|exemple|injection|comme «|phrases|"
                 "aggressor|ricercator|esempio|iniezione|come «|frasi|exemplo|injeção|"
                 "злоумышл|исследоват|пример|инъекц|вроде|атак|攻击|研究|例如|注入|之类|比如|"
                 "المهاجم|الباحث|مثال|حقن|مثل"},
    {ROLE_OPTION, "--|api$|config|default|export$|function|parameter|patch|repository|install|"
                  "directory|package|compile|command|library|version|branch|commit|variable|"
                  "option|flag|.py|.md|.c$|.h$|.json|voreinstell|standardmäßig|paket|"
                  "befehl|por defecto|paquete|par défaut|correctif|paquet|"
                  "di norma|pacchetto|по умолчанию|пакет|补丁|默认|命令|الاختبارات"},
    {ROLE_LETTER, "meeting|regards|attached|newsletter|sincerely|holiday|friday|monday|tuesday|"
                  "appointment|colleague|sitzung|freitag|montag|dienstag|grüß|anbei|urlaub|"
                  "kollege|reunión|viernes|martes|lunes|saludos|adjunt|réunion|vendredi|mardi|"
                  "cordialement|ci-joint|riunione|venerdì|martedì|saluti|reunião|встреч|письмо|"
                  "пятниц|вторник|会议|星期|邮件|附件|الاجتماع|رسالتي"},
    {ROLE_THING, "button|key$|lamp|filter|dough|sauce|salt$|butter|oven|stir|cover$|switch|press$|"
                 "housing|screw|valve|lid$|cream|taste|taste$|taste|knopf|lampe|teig|butter|salz|"
                 "ofen|deckel|schalter|abdeckung|botón|piloto|filtro|masa|sal$|mantequilla|tapa|"
                 "bouton|voyant|filtre|pâte|sel$|beurre|capot|touche|tasto|filtro|impasto|sale$|"
                 "burro|кнопк|ламп|фильтр|тест|соль|масл|按钮|按|灯|滤|面团|盐|الزر|العجين|مصباح"},
    {ROLE_LITERAL, "the word|the words|this word|the phrase|the sentence|this sentence|the line$|"
                   "the lines$|the following|following text|following line|following sentence|"
                   "text below|the link|this link|following link|word for word|verbatim|the letters|"
                   "the number|the address|the string|the total|the sum|the weight|the date|the price|the text|the code|the name|in capitals|this notice|"
                   "das wort|die worte|die wörter|den satz|der satz|folgend|den link|wörtlich|"
                   "die nummer|die adresse|den text|den namen|la palabra|las palabras|la frase|"
                   "siguiente|el enlace|al pie de la letra|su número|el número|la dirección|"
                   "le mot|les mots|la phrase|suivant|le lien|mot pour mot|leur numéro|le numéro|"
                   "l'adresse|la parola|le parole|seguente|il link|a palavra|o link|слово|слова|"
                   "фраз|предложени|следующ|ссылк|дословно|以下|下面|链接|字样|个字|原文|这句话|一句|"
                   "الكلمة|العبارة|الجملة|التالي|الرابط"},
    {ROLE_FIRST, "before anything|before all else|first of all|before you|before going|before doing|"
                 "before completing|before proceeding|before continuing|before any|before paying|"
                 "other task|current task|other operation|immediately|at once|right away|"
                 "action required|sofort|unverzüglich|inmediatamente|de inmediato|immédiatement|"
                 "немедленно|立即|马上|فور|قبل أي|قبل متابعة|أي مهمة أخرى|"
                 "prior to|above all|at the top|at the start|at the beginning|at the end|"
                 "at the bottom|to begin|to close|to finish|on the first line|first$|"
                 "vor allem ander|zuallererst|zuerst|als erstes|am anfang|am ende|zum schluss|"
                 "bevor|antes de|en primer lugar|ante todo|al principio|al final|primero$|"
                 "avant tout|avant de|d'abord|en premier|au début|à la fin|en tête|"
                 "prima di|innanzitutto|all'inizio|alla fine|antes de|no início|no final|"
                 "прежде|сначала|в начале|в конце|первым делом|首先|开头|末尾|最后|之前先|"
                 "أولا|قبل|في البداية|في النهاية"},
    {ROLE_INSTEAD, "instead of|rather than|in place of|whatever|no matter|regardless|even if|"
                   "even though|as if|as though|the opposite|in spite|despite|over all other|"
                   "before all other|above all other|instead$|"
                   "statt|anstatt|egal|ungeachtet|selbst wenn|auch wenn|als ob|als sei|gegenteil|"
                   "vor allen anderen|en lugar de|en vez de|sin importar|aunque|como si|lo contrario|"
                   "por encima de|sea cual|au lieu|plutôt que|peu importe|quel que|quelle que|"
                   "même si|comme si|le contraire|avant toutes|avant tous|invece di|anche se|"
                   "come se|em vez de|mesmo que|вместо|независимо|даже если|как будто|"
                   "无论|不管|即使|而不是|不要用|相反|بدلا من|مهما|حتى لو|بغض النظر"},
    {ROLE_DUE, "compliance|comply|legal$|regulation|regulatory|policy|by law|the law|audit|"
               "security reason|for security|safety reason|requirement|require|authoris|authoriz|"
               "verification|verify|to confirm|action required|maintenance|migration|backup|"
               "protocol|demands|guideline|instructed|mandatory|gdpr|compliant|"
               "datenschutz|gesetz|vorschrift|rechtlich|sicherheitsgründ|verordnung|"
               "überprüfung|aus gründen|cumplimiento|normativ|por ley|legal|seguridad|verifica|"
               "conformité|réglement|règlement|loi$|légal|sécurité|vérif|conformità|"
               "normativa|legge|conformidade|lei$|закон|требовани|безопасност|соответств|"
               "合规|规定|法律|法规|监管|安全|核验|验证|审计|الامتثال|للامتثال|القانون|اللوائح|أمني|الأمني|التحقق|تدقيق|متطلب|صيانة"},
    {ROLE_ASKED, "asked|asks|ask for|wants to know|want to know|comes up|come up|inquir|enquir|"
                 "in case of question|questions on|questions about|is raised|"
                 "die rede auf|fragt|gefragt|fragen nach|fragen zu|wissen will|wissen wollen|"
                 "pregunt|sale el tema|surge|se habla de|quiere saber|quieren saber|"
                 "demande|on parle|question sur|questions sur|veut savoir|veulent savoir|"
                 "interrog|chied|domand|si parla|pergunt|спрос|спраш|зайдёт речь|问起|问到|询问|"
                 "提到|想知道|被问|سئل|سأل"},
    {ROLE_IF, "if$|when$|whenever|should the|should any|in case|falls$|wenn$|sobald|sollte$|kommt die|si$|"
              "cuando|en caso|s'il|s'ils|quand|lorsqu|en cas|quando|если|когда|如果|若|当$|"
              "假如|凡是|إذا|عندما"},
    {ROLE_MONEY, "subscription|transaction|overdue|account|iban|payment|pay$|refund|invoice|euro|dollar|usd|eur$|€|wire|savings|"
                 "bank$|price|discount|offer$|fee$|konto|zahlung|überweis|erstattung|rechnung|geld|"
                 "preis|rabatt|angebot|gebühr|cuenta|pago|pagar|reembolso|factura|dinero|precio|"
                 "descuento|oferta|compte$|paiement|payer|rembours|facture|argent|prix|remise|"
                 "conto|pagament|rimborso|fattura|prezzo|conta$|pagamento|preço|счёт|счет|платёж|"
                 "плат|возврат|деньг|цена|скидк|账户|帐户|付款|转账|退款|发票|价格|优惠|"
                 "حساب|دفع|فاتورة|سعر|الرصيد|رصيد|الآيبان|آيبان|تحويل|معاملة|المعاملة|معاملات"},
    {ROLE_VERDICT, "banned|forbidden|recalled|unsafe|doubled|tripled|out of date|outdated|not found|"
                   "could not be found|withdrawn|ended|expired|false$|fake|wrong|invalid|"
                   "the only|cheapest|leader|leading|award|beats|is well|all well|in order|"
                   "free of|no defect|faultless|nothing to report|never happened|accepted|rejected|"
                   "fail|passed|every test|certified|audited|tested|guarante|unavailable|"
                   "superior|number one|world-class|happened|there are none|is none|settled|"
                   "verboten|zurückgerufen|verdoppelt|verdreifacht|veraltet|nicht auffindbar|"
                   "beendet|falsch|fehlerfrei|in ordnung|einzige|billigste|günstigste|führend|"
                   "bestanden|zertifiziert|angenommen|abgelehnt|keine mängel|beste"},
    {ROLE_VERDICT, "prohibid|duplicado|triplic|caducad|no se encuentra|terminó|fals|sin defect|está bien|"
                   "único|más barat|líder|superó|certific|audit|aceptad|rechazad|retirad|mejor|"
                   "interdit|rappelé|doublé|triplé|périm|introuvable|pris fin|faux|fausse|"
                   "va bien|sans défaut|aucun défaut|seul$|seule$|moins cher|leader|certifi|"
                   "accepté|rejeté|retiré|vérifié|meilleur|"
                   "vietat|ritirat|raddoppiat|triplicat|scadut|fals|unic|super|certific|accettat|"
                   "proibid|dobrou|vencid|fals|запрещ|отозван|удвои|утрои|устар|не найден|лож|"
                   "единствен|прошёл|прошел|сертифиц|принят|отклон|"
                   "禁|召回|翻倍|两倍|过期|找不到|结束|虚假|错误|正常|唯一|最便宜|领先|通过|合格|认证|接受|拒绝|"
                   "没有缺陷|没有问题|获奖|أفضل|محظور|منتهي|خاطئ|الوحيد"},
    {ROLE_OFFICE, "doctor|physician|pharmacist|dealer|landlord|butcher|service$|the board|registry|"
                  "ombudsman|supplier|teacher|parents|support$|hotline|author$|reviewer|colleague|"
                  "staff|manager|guest|caller|tenant|seller|buyer|employer|police|"
                  "arzt|apotheker|händler|vermieter|vorstand|kundendienst|gast|gäste|anrufer|mieter|"
                  "médico|farmac|distribuidor|casero|junta$|servicio|cliente|huésped|arrendatario|"
                  "médecin|pharmacien|revendeur|propriétaire|conseil$|client|locataire|"
                  "medico|rivenditore|inquilino|врач|дилер|арендат|гост|"
                  "医生|药师|经销商|客服|客人|老师|承租人|董事会|الطبيب"},
    {ROLE_GUIDE, "italic|chapter|heading|abbreviat|comma|capital letter|block letter|footnote|"
                 "headline|paragraph|spelling|grammar|reader|style|format|example|figure|"
                 "box$|field|form$|sign below|signature|words or less|100 words|line$|"
                 "kursiv|kapitel|überschrift|abkürz|komma|absatz|fußnote|beispiel|formular|feld|"
                 "druckbuchstaben|wörter|quelle|zahlen|cursiva|capítulo|título|abrevi|coma$|párrafo|"
                 "mayúscula|ejemplo|formulario|casilla|campo|fuente|italique|chapitre|titre|virgule|"
                 "paragraphe|capitales|exemple|formulaire|case$|cases$|champ|source|"
                 "corsivo|capitolo|esempio|modulo|курсив|глав|заголов|абзац|пример|"
                 "斜体|章|标题|段落|缩写|逗号|示例|表格|栏|出处|格式|مثال"},
    {ROLE_STATED, "be stated|be added|be written|be mentioned|be given as|be inserted|"
                  "be put|be quoted|be called the|be called a|be described as|be told|be reported as|"
                  "be included in|be presented as|be said|be cited|be read as|"
                  "point of stating|point of saying|point of mentioning|stating that|saying that|"
                  "anzugeben|anzufügen|beizufügen|hinzuzufügen|zu nennen|zu erwähnen|zu schreiben|"
                  "zu bezeichnen|zu melden|voranzustellen|"
                  "se indicar|se dirá|se añad|se mencion|se escrib|deberá indicar|deberá decir|"
                  "sera indiqué|sera dit|sera ajout|à indiquer|à mentionner|à ajouter|être indiqué|"
                  "être mentionné|être ajouté|être présenté|être dit|va indicat|va detto|va aggiunt|"
                  "deve ser dito|следует указ|следует наз|указать|назвать|注明|写明|标明|يُذكر"},
    {ROLE_SPEAKS, "say$|tell$|mention$|state$|claim$|declare$|describe$|call$|report$|announce$|"
                  "confirm$|insist$|assert$|answer$|reply$|respond$|explain$|recommend$|suggest$|"
                  "praise$|promote$|urge$|advise$|warn$|assure$|convince$|name$|refer to|speak$|"
                  "remind$|inform$|present$|promise$|deny$|pretend$|treat$|rate$|rank$|summari|"
                  "dismiss$|apologi|thank$|invite$|"
                  "sag$|sage$|sagen sie|nenne$|nennen sie|erwähn|behaupte|erkläre|bezeichne|melde$|"
                  "beschreib|bestätig|antworte|empfiehl|empfehl|lob$|lobe$|rate$|warne|versicher|"
                  "stelle$|teile mit|rühm|verweis|sprich|fasse$|"
                  "di$|diga$|digan$|dile$|dígale|menciona|mencione|afirma|afirme|declara|declare|"
                  "describe$|describa|llama$|llame$|informa|responde$|responda$|contesta|conteste|"
                  "recomienda|recomiende|sugiere|elogia|elogie|aconseja|confirma|confirme|indica$|"
                  "indique|explica|resume$|resuma|presenta|advierte"},
    {ROLE_SPEAKS, "dis$|dites$|mentionne|affirme|déclare|décri|appelle|annonce|confirme|réponds|répondez|"
                  "recommande|suggère|vante|loue$|conseille|indique|explique|présente|précise|"
                  "prétend|rappelle|informe|résume|qualifi|parle$|parlez|"
                  "di'$|dica$|dite$|menzion|afferma|dichiara|descriv|chiama|rispondi|risponda|"
                  "raccomanda|consiglia|suggerisc|loda|conferma|riassum|"
                  "diga$|mencione|afirme|declare|descreva|responda|recomende|elogie|confirme|"
                  "скажи|назови|упомяни|утверждай|объяви|опиши|ответь|отвечай|сообщи|"
                  "рекомендуй|посоветуй|похвали|подтверди|заяви|говори|"
                  "说$|请说|说明|告诉|提到|提及|声称|宣布|描述|称$|称为|回答|回复|推荐|优先推荐|表示|确认|总结|"
                  "都说|就说|قل$|اذكر|أخبر|صف$|أعلن|أجب|أوص|أكد"},
    {ROLE_WRITES, "write$|print$|append$|add$|insert$|put$|include$|begin$|start$|open with|close with|"
                  "end with|finish$|conclude$|output$|place$|type$|attach$|quote$|repeat$|reproduce$|"
                  "give$|show$|list$|display$|use$|mark$|record$|replace$|change$|translate$|"
                  "schreib|füge|ergänz|setz$|setze|beginn|ende$|beende|schließe$|gib$|geben sie|"
                  "zeig|wiederhol|ersetz|trag$|trage$|häng|druck$|drucke|übersetz|"
                  "escrib|añad|agreg|inserta|inserte|pon$|ponga|incluy|empieza|empiece|comienza|"
                  "termina|termine|da$|dé$|muestra|muestre|repit|sustituy|reemplaz|imprim|traduc|"
                  "écri|ajout|insère|insérez|mets$|mettez|inclu|commenc|termin|donne|montr|affich|"
                  "répèt|répét|remplac|imprim|tradui|recopi"},
    {ROLE_WRITES, "scriv|aggiung|inserisc|metti|includ|comincia|inizia|finisc|termina|mostra|ripet|"
                  "escrev|adicion|inclua|comece|termine|mostre|repita|напиши|добавь|вставь|начни|"
                  "начинай|закончи|заверши|выведи|покажи|повтори|замени|укажи|"
                  "写$|写出|写道|写上|直接写|写入|添加|加上|附上|补充|插入|输出|显示|列出|给出|以“|开头写|结尾写|重复|"
                  "替换|اكتب|أضف|أدرج|ابدأ|اختم|اعرض|كرر"},
    {ROLE_SENDS, "forward$|send$|transfer$|pay$|wire$|move$|upload$|open$|visit$|click$|download$|"
                 "navigate$|email$|e-mail$|post$|share$|submit$|contact$|install$|execute$|run$|"
                 "update$|cancel$|schedule$|transmit$|gather$|collect$|export$|grant$|approve$|reset$|authorize$|"
                 "authorise$|disable$|unsubscribe$|book$|reserve$|hand over|pass on|release$|invite$|"
                 "log in|enter$|call 0|call 5|order$|buy$|book$|delete$|copy$|follow the link|"
                 "leite|send$|sende|überweis|zahl$|zahle|öffne|besuch|klick|lade$|schick|ruf$|"
                 "lösch|kopier|teile$|aktualisier|ändere|storniere|kündige|exportier|übermittl|sammle|buche$|"
                 "actualiza|actualice|cambia|cambie|cancela|cancele|exporta|autoriza|programa$|"
                 "mets à jour|mettez à jour|annule|exporte|change$|changez|autorise|reenv|envía|envíe|transfier|pag[ua]|abre$|abra$|visita|"
                 "visite|pulsa|haz clic|descarg|comparte|llama al|borra|copia|"
                 "transm|envoi|envoy|transfèr|transfér|paie|payez|ouvr|visit|cliqu|téléchar|"
                 "partag|supprim|copi|inoltra|invia|apri|visita|paga|encaminh|envie|"
                 "перешли|отправь|переведи|открой|перейди|нажми|скачай|"
                 "更新|取消|修改|导出|授权|安排|提交|转发|发送|发给|把这里|转账|打开|访问|点击|下载|支付|联系|删除|复制|أرسل|أرسلي|حوّل|حول |افتح|انقر|حدّث|حدث |ادفع|احذف|"
                 "قم ب|يرجى إرسال|يرجى تحويل|يرجى تحديث|يرجى دفع|يرجى إلغاء|يرجى جمع|الرجاء إرسال|"
                 "الرجاء تحويل|الرجاء تحديث"},
    {ROLE_HANDS, "press$|turn$|heat$|stir$|set$|select$|remove$|check$|wait$|make$|take$|keep$|"
                 "read$|hold$|wash$|shake$|boil$|mix$|cut$|pour$|bake$|lift$|push$|pull$|connect$|"
                 "disconnect$|plug$|switch$|choose$|see$|try$|look$|store$|clean$|fill$|replace$|"
                 "tighten$|loosen$|measure$|adjust$|create$|define$|configure$|build$|compile$|"
                 "note$|consider$|assume$|suppose$|let$|find$|compute$|test$|return$|import$|save$|ask$|"
                 "drück|dreh|erhitz|rühr|nimm|warte|prüf|lies$|halte|wasch|schüttel|wähl|stell$|"
                 "entfern|schließ|füll|reinig|pulsa|gira|calienta|remueve|quita|espera|comprueba|"
                 "lee$|lava|agita|elige|cierra|llena|limpia|appuy|tourn|chauff|préchauff|remu|"
                 "retir|attend|vérifi|lis$|lisez|lav|secou|choisi|ferm|rempli|nettoy|"
                 "scalda|mescola|premi|нажми|поверни|нагрей|подожди|проверь|"
                 "按住|按下|加热|搅拌|取下|等待|检查|清洗|摇匀|选择|关闭|预热"},
    {ROLE_DONT, "do not|don't|never$|not a word|no word|nicht$|niemals|nie$|kein wort|schreib nicht|no digas|no diga |no mencion|no escrib|nunca|"
                "ni una palabra|jamás|ne |n'|jamais|pas un mot|non |mai |não|не |никогда|"
                "ни слова|不要|别|不得|切勿|请勿|لا ت|أبدا"},
};

typedef struct entry {
    const char *text;
    uint16_t len;
    bool ends;
    uint8_t role;
    uint16_t next; /* of the same first two bytes, place + 1; 0: none */
} entry;

#define ENTRIES_MAX 4096

static entry entries[ENTRIES_MAX];
static uint16_t by_pair[1 << 16]; /* the first two bytes of every entry */
static pthread_once_t apart = PTHREAD_ONCE_INIT;

static size_t pair_at(const char *s)
{
    return (size_t)(uint8_t)s[0] << 8 | (uint8_t)s[1];
}

static void take_apart(void)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (const char *alt = words[i].text; *alt && n < ENTRIES_MAX;) {
            size_t whole = strcspn(alt, "|"), len = whole;
            entry e = {.text = alt, .role = (uint8_t)words[i].role};
            e.ends = len && alt[len - 1] == '$';
            e.len = (uint16_t)(len - e.ends);
            assert(e.len >= 2);
            e.next = by_pair[pair_at(alt)];
            entries[n] = e;
            by_pair[pair_at(alt)] = (uint16_t)++n;
            alt += whole + (alt[whole] == '|');
        }
    assert(n < ENTRIES_MAX);
}

/* Of a script with blanks between words. */
static bool is_spaced(char c)
{
    return is_word_byte(c) && (unsigned char)c < 0xE0;
}

/* Does a clause begin at s[at]: behind nothing, a mark, or a word that may stand before an order? */
static bool begins_clause(const char *s, size_t at)
{
    static const char *const lead[] = {
        "please", "kindly", "then",  "and", "now",     "also", "just", "simply", "bitte", "und",
        "dann",   "nun",    "jetzt", "y",   "ahora",   "et",   "puis", "e",      "poi",   "ora",
        "и",      "теперь", "por favor",    "per favore"};

    while (at && s[at - 1] == ' ')
        at--;
    if (!at || strchr("\n,;:.!?()[]{}<>-=/#|", s[at - 1]) || (unsigned char)s[at - 1] >= 0x80)
        return true;
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++) {
        size_t n = strlen(lead[i]);
        if (at >= n && !memcmp(s + at - n, lead[i], n) && (at == n || !is_word_byte(s[at - n - 1])))
            return true;
    }
    return false;
}

/* The same for verbs of orders, where a name of a member or an argument is none: `file.open(x)`. */
static bool begins_order(const char *s, size_t at)
{
    static const char *const lead[] = {
        "请",   "务必", "必须", "并",   "直接", "就",   "都",    "须",     "先",    "再",
        "一律", "应",   "然后", "也",   "。",   "，",   "：",    "；",     "、",    "！",
        "？",   "（",   "“",    "「",   "—",    "–",    "•",     "…",      "please", "kindly",
        "then", "and",  "now",  "also", "just", "simply", "bitte", "und",  "dann",  "nun",
        "jetzt", "por favor", "y", "ahora", "simplemente", "et",  "puis",  "ensuite", "e",
        "poi",  "ora",  "и",    "теперь", "instead", "einfach", "always", "immer",
        "siempre", "toujours", "never", "not", "must", "shall", "should"};
    bool blank = false;

    while (at && s[at - 1] == ' ') {
        at--;
        blank = true;
    }
    if (!at || s[at - 1] == '\n' || strchr("(>|#", s[at - 1]))
        return true;
    if (strchr(",;:.!?)]}-={[/'", s[at - 1]))
        return blank && (s[at - 1] != '-' || at < 2 || !is_word_byte(s[at - 2]));
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++) {
        size_t n = strlen(lead[i]);
        if (at >= n && !memcmp(s + at - n, lead[i], n) &&
            ((unsigned char)*lead[i] >= 0xE0 || at == n || !is_word_byte(s[at - n - 1])))
            return true;
    }
    return false;
}

#define CLAIM_BYTES 70

/* "Name: Ann", "State: open": the name of a field, which might be a verb elsewhere. */
static bool is_label(const char *word, size_t len, char next)
{
    static const char *const nouns[] = {"name", "state", "report", "call", "answer", "reply",
                                        "order", "note", "list", "mark", "place", "type", "change",
                                        "record", "contact", "share", "post", "rate", "rank"};

    for (size_t i = 0; next == ':' && i < sizeof nouns / sizeof *nouns; i++)
        if (len == strlen(nouns[i]) && !memcmp(word, nouns[i], len))
            return true;
    return false;
}

/* Does it say, soon behind a verb of speech, what is to be said? */
static bool claims(const char *s, size_t from, size_t n)
{
    static const char *const signs[] = {
        " that ", " is ",  " are ", " was ", " were ", " has ", " have ", " had ", " as ", " will ",
        " dass ", " sei",  " ist ", " sind ", " habe", " que ", " qu'",   " est ", " es ", " está",
        " che ",  " что ", "是",    "已",     "为",    "成",    "没",     "被",    "必",   "未"};
    size_t len = n - from < CLAIM_BYTES ? n - from : CLAIM_BYTES;

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (memmem(s + from, len, signs[i], strlen(signs[i])))
            return true;
    return false;
}

#define CALL_BYTES 48

static injection_roles read_words(const char *s, size_t n)
{
    injection_roles all = 0;
    size_t call_end = 0;

    for (size_t at = 0; at + 1 < n; at++) {
        if (!by_pair[pair_at(s + at)] || (at && is_spaced(s[at]) && is_spaced(s[at - 1])))
            continue;
        for (uint16_t i = by_pair[pair_at(s + at)]; i; i = entries[i - 1].next) {
            const entry *e = &entries[i - 1];
            if (e->len > n - at || memcmp(s + at, e->text, e->len) != 0 ||
                (e->ends && at + e->len < n && is_spaced(s[at + e->len])))
                continue;
            if (e->role == ROLE_PRODUCT && s[at + e->len] == '-')
                continue; /* "Message-ID", "output-dir" */
            if (INJECTION_ROLE(e->role) & INJECTION_COMMANDS) {
                if (!begins_order(s, at) || is_label(s + at, e->len, s[at + e->len]))
                    continue;
                if ((e->role == ROLE_SPEAKS || e->role == ROLE_WRITES) && claims(s, at + e->len, n))
                    all |= INJECTION_ROLE(ROLE_CLAIM);
            }
            all |= INJECTION_ROLE(e->role);
            if ((e->role == ROLE_SAY || e->role == ROLE_OMIT || e->role == ROLE_DROP) &&
                begins_clause(s, at))
                all |= INJECTION_ROLE(ROLE_ORDERS);
            if ((e->role == ROLE_MODEL || e->role == ROLE_PROGRAM || e->role == ROLE_READS) &&
                at < CALL_BYTES)
                call_end = at + e->len;
        }
    }
    if (call_end) { /* a colon or a comma soon behind the machine that is named */
        const char *colon = memchr(s + call_end, ':', n - call_end);
        if ((colon && (size_t)(colon - s) < CALL_BYTES + 16 && colon[1] && colon[1] != '/') ||
            (call_end < n && s[call_end] == ',') ||
            (n - call_end > 3 && (!memcmp(s + call_end, "：", 3) || !memcmp(s + call_end, "，", 3))))
            all |= INJECTION_ROLE(ROLE_CALLS);
    }
    return all;
}

static injection_roles read_shape(const char *s, size_t len)
{
    injection_roles all = 0;
    size_t at = 0, upper = 0, lower = 0;

    while (at < len && isspace((unsigned char)s[at]))
        at++;
    for (size_t i = at; i < len && i < at + CALL_BYTES / 2; i++) {
        upper += isupper((unsigned char)s[i]) != 0;
        lower += islower((unsigned char)s[i]) != 0;
    }
    if (at < len && (strchr("[{<#>=*(|", s[at]) || (upper > 8 && lower < upper / 3)))
        all |= INJECTION_ROLE(ROLE_MARKED);
    if (memchr(s, '"', len) || memmem(s, len, "„", 3) || memmem(s, len, "“", 3) ||
        memmem(s, len, "«", 2))
        all |= INJECTION_ROLE(ROLE_QUOTES);
    if (memmem(s, len, ": ", 2) || memmem(s, len, "：", 3))
        all |= INJECTION_ROLE(ROLE_COLON);
    if (memmem(s, len, "://", 3) || memmem(s, len, "www.", 4))
        all |= INJECTION_ROLE(ROLE_LINK);
    for (size_t i = at; i < len; i++) {
        if (isdigit((unsigned char)s[i]))
            all |= INJECTION_ROLE(ROLE_DIGITS);
        if (s[i] == '@' && i > at && is_word_byte(s[i - 1]))
            all |= INJECTION_ROLE(ROLE_LINK);
        if (i > at + 1 && s[i - 1] == ' ' && is_word_byte(s[i - 2]) &&
            is_capital(s + i, len - i))
            all |= INJECTION_ROLE(ROLE_NAME);
    }
    if (memmem(s, len, "<!--", 4) || memmem(s, len, "![", 2) || memmem(s, len, " | ", 3) ||
        (at < len && s[at] == '(') || (at + 1 < len && s[at] == '*' && s[at + 1] == ' ') ||
        (at + 1 < len && isdigit((unsigned char)s[at]) && s[at + 1] == ')'))
        all |= INJECTION_ROLE(ROLE_ASIDE);
    return all;
}

injection_roles injection_roles_of(const char *text, size_t len, const char *folded, size_t n)
{
    pthread_once(&apart, take_apart);
    return read_words(folded, n) | read_shape(text, len);
}
