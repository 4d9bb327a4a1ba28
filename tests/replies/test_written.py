"""The replies of `/summarize`, `/complete` and `/chat`: what they show, and that they keep Discord's limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.replies.formatting.code import code_block, holds_fence
from bot.replies.results import chat, complete, summarize
from bot.tasks.chat import ChatRequest, ChatResult, Exchange
from bot.tasks.complete import CompleteRequest, CompleteResult
from bot.tasks.summarize import SummarizeRequest, SummarizeResult
from tests.replies.test_renderers import BOOLEANS, WRITTEN, answer, assert_within_limits, valid

CODE = st.one_of(WRITTEN, st.text("`~\n ab", max_size=300), st.sampled_from(["```", "a\n``````\n", "`" * 4_000]))


class TestCodeBlock:
    @given(CODE)
    @settings(max_examples=80)
    def test_nothing_closes_it_early(self, code: str) -> None:
        block = code_block("py")(code)
        assert block.count("```") == 2
        assert block.startswith("```py\n")
        assert block.endswith("\n```")

    def test_is_the_code_where_it_can_be(self) -> None:
        assert code_block("py")("x = '`' + '``'") == "```py\nx = '`' + '``'\n```"
        assert code_block("py")("a```b") == "```py\na`\u200b``b\n```"
        assert not holds_fence("x = '``'")
        assert holds_fence("````")


class TestComplete:
    REQUEST = CompleteRequest("def a():\n    x =", "py")

    def result(self, text: str, *, finished: bool = True) -> CompleteResult:
        return CompleteResult(text, 12, finished, truncated=False)

    def test_reply(self) -> None:
        reply = complete.render(self.REQUEST, answer(self.result(" 1\n    return x\n")))

        assert reply.embed.description == "```py\ndef a():\n    x =\n```\n```py\n 1\n    return x\n```"
        assert "· Python · 12 tokens" in (reply.embed.footer.text or "")
        assert reply.file is None
        assert [offer.action.name for offer in reply.buttons] == ["complete-again"]

    def test_what_is_not_finished_can_go_on(self) -> None:
        reply = complete.render(self.REQUEST, answer(self.result(" 1", finished=False)))
        assert [offer.request for offer in reply.buttons] == [self.REQUEST, self.REQUEST.continued(" 1")]

    def test_nothing(self) -> None:
        reply = complete.render(self.REQUEST, answer(self.result("\n\n", finished=False)))
        assert (reply.embed.description or "").endswith(str(complete.NOTHING))
        assert len(reply.buttons) == 1

    def test_the_file_has_everything(self) -> None:
        code = CompleteRequest("x = 1\n" * 900 + "y = ```", "rs")
        reply = complete.render(code, answer(self.result(" 2" * 3_000)))
        assert reply.file is not None
        assert reply.file.name == "complete.rs"
        assert reply.file.text == code.code + " 2" * 3_000 + "\n"
        assert str(complete.BROKEN) in (reply.embed.description or "")

    @given(CODE, CODE, BOOLEANS)
    @settings(max_examples=60)
    def test_limits(self, code: str, text: str, finished: bool) -> None:
        request = valid(lambda: CompleteRequest(code, temperature=0.2 if finished else 0))
        if request is not None:
            result = self.result(text, finished=finished)
            assert_within_limits(complete.render(request, answer(result)))
            preview = complete.preview(request, result)
            assert_within_limits(preview)
            assert (preview.embed.description or "").count("```") == 4


class TestSummarize:
    REQUEST = SummarizeRequest("Apples are sour, and lemons are sourer.")
    RESULT = SummarizeResult("Fruit is sour.", 1_234, 5, 1, finished=True, general=False)

    def test_reply(self) -> None:
        reply = summarize.render(self.REQUEST, answer(self.RESULT))
        assert reply.embed.description == "> Apples are sour, and lemons are sourer.\n\nFruit is sour."
        assert (reply.embed.footer.text or "").endswith("· 1,234 → 5 tokens")
        assert not reply.buttons

    @pytest.mark.parametrize(
        ("request_", "shown"),
        [
            (SummarizeRequest("a: b", messages=2), "*The last 2 messages here:*"),
            (SummarizeRequest("a: b", messages=1), "*The last message here:*"),
            (SummarizeRequest("a", file="_my_ notes.txt"), "*\\_my\\_ notes.txt:*"),
        ],
    )
    def test_what_was_summarised(self, request_: SummarizeRequest, shown: str) -> None:
        reply = summarize.render(request_, answer(self.RESULT))
        assert (reply.embed.description or "").startswith(f"{shown}\n\n")

    def test_parts_and_a_general_model(self) -> None:
        reply = summarize.render(self.REQUEST, answer(replace(self.RESULT, parts=3, general=True)))
        assert "Read in 3 parts" in (reply.embed.footer.text or "")
        assert (reply.embed.footer.text or "").endswith(str(summarize.GENERAL))

    @pytest.mark.parametrize(("source", "said"), [(4, True), (5, False)])
    def test_a_summary_that_is_longer_than_its_text(self, source: int, said: bool) -> None:
        reply = summarize.render(self.REQUEST, answer(replace(self.RESULT, source_tokens=source)))
        assert (str(summarize.LONGER) in (reply.embed.footer.text or "")) is said

    def test_cut_off_and_empty(self) -> None:
        cut = summarize.render(self.REQUEST, answer(replace(self.RESULT, text="Fruit is", finished=False)))
        empty = summarize.render(self.REQUEST, answer(replace(self.RESULT, text=" \n")))
        stopped = summarize.render(self.REQUEST, answer(replace(self.RESULT, finished=False)))
        assert (cut.embed.description or "").endswith("\n\nFruit is…")
        assert (stopped.embed.description or "").endswith("\n\nFruit is sour. …")
        assert (empty.embed.description or "").endswith(str(summarize.NOTHING))

    @given(WRITTEN, WRITTEN, st.sampled_from([1, 7]), BOOLEANS)
    @settings(max_examples=60)
    def test_limits(self, text: str, summary: str, parts: int, general: bool) -> None:
        if (request := valid(lambda: SummarizeRequest(text, file=text if general else None))) is not None:
            result = replace(self.RESULT, text=summary, parts=parts, general=general, finished=not general)
            for reply in (summarize.render(request, answer(result)), summarize.preview(request, result)):
                assert_within_limits(reply)
                assert "@everyone" not in (reply.embed.description or "")


class TestChat:
    REQUEST = ChatRequest("Why?", 1, "alice")
    RESULT = ChatResult("Because.", 3, finished=True, forgotten=0, by_template=True)
    SAID = (Exchange("alice", "Hi", "Hello"),)

    def test_reply(self) -> None:
        reply = chat.render(self.REQUEST, answer(self.RESULT))
        assert reply.embed.description == "> Why?\n\nBecause."
        assert (reply.embed.footer.text or "").endswith("· 3 tokens")
        assert [offer.action for offer in reply.buttons] == [chat.FORGET]

    def test_what_it_remembers_and_what_not(self) -> None:
        request = replace(self.REQUEST, history=self.SAID * 5)
        reply = chat.render(request, answer(replace(self.RESULT, forgotten=2)))
        footer = reply.embed.footer.text or ""
        assert "Remembers 3 earlier messages of this channel with the answers.\n2 older ones exceed" in footer

        reply = chat.render(replace(self.REQUEST, history=self.SAID * 2), answer(replace(self.RESULT, forgotten=1)))
        footer = reply.embed.footer.text or ""
        assert "Remembers 1 earlier message of this channel with its answer.\n1 older one exceeds" in footer

    def test_cut_off_and_empty(self) -> None:
        cut = chat.render(self.REQUEST, answer(replace(self.RESULT, finished=False)))
        empty = chat.render(self.REQUEST, answer(replace(self.RESULT, text="")))
        assert (cut.embed.description or "").endswith("Because. …")
        assert (empty.embed.description or "").endswith(str(chat.NOTHING))

    @given(WRITTEN, WRITTEN, WRITTEN, BOOLEANS)
    @settings(max_examples=60)
    def test_limits(self, message: str, text: str, name: str, finished: bool) -> None:
        if (request := valid(lambda: ChatRequest(message, 1, name))) is not None:
            result = replace(self.RESULT, text=text, finished=finished, by_template=finished)
            for reply in (chat.render(request, answer(result)), chat.preview(request, result)):
                assert_within_limits(reply)
                assert "@everyone" not in (reply.embed.description or "")
