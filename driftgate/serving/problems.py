"""Every error leaves the model API as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from driftgate.serving.documents import Problem
from driftgate.serving.errors import ApiError, UnauthorizedError, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"

_NOT_JSON = "Send a JSON object as the body, with the header 'Content-Type: application/json'."

Responses = dict[int | str, dict[str, Any]]


def described(reasons: Mapping[int, str]) -> Responses:
    """Return what OpenAPI says of the errors of an endpoint."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": reason, "content": content} for status, reason in reasons.items()}


def install(app: FastAPI) -> None:
    """Let ``app`` render its errors so."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _our_fault)


async def _api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for nothing else
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, UnauthorizedError) else None
    return response(problem(error.status, str(error), **error.extension()), headers)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    if error.errors()[0]["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
        return response(problem(HTTPStatus.UNPROCESSABLE_ENTITY, _NOT_JSON))
    sentences = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}." for e in error.errors()[:5]]
    return response(problem(HTTPStatus.UNPROCESSABLE_ENTITY, " ".join(sentences)))


async def _http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return response(problem(error.status_code, str(error.detail)), error.headers)


async def _our_fault(_request: Request, _error: Exception) -> JSONResponse:
    # The server logs the traceback; it says nothing that a caller could use.
    detail = "The model API failed; its log says why."
    return response(problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail))


class _AsciiResponse(JSONResponse):
    """JSON in ASCII: what a caller sent may hold half a character, which UTF-8 cannot write."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


def response(document: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer that carries ``document``, an RFC 9457 problem."""
    return _AsciiResponse(document, document["status"], headers, media_type=MEDIA_TYPE)
