"""Sign-in, sign-out, passwords (pages) and /api/auth/."""

from django.contrib.auth import views as auth
from django.urls import path, re_path

from ims.accounts import api
from ims.accounts.forgotten import ForgottenForm

urlpatterns = [
    path("sign-in/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", auth.LogoutView.as_view(), name="logout"),
    path("password-change/", auth.PasswordChangeView.as_view(), name="password_change"),
    path("password-change/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("password-reset/", auth.PasswordResetView.as_view(form_class=ForgottenForm), name="password_reset"),
    path("password-reset/sent/", auth.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "password-reset/<uidb64>/<token>/",
        auth.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("password-reset/done/", auth.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
    re_path(r"^api/auth/login/?$", api.LoginView.as_view(), name="api_login"),
    re_path(r"^api/auth/logout/?$", api.LogoutView.as_view(), name="api_logout"),
    re_path(r"^api/auth/logoutall/?$", api.LogoutAllView.as_view(), name="api_logout_all"),
    re_path(r"^api/auth/me/?$", api.MeView.as_view(), name="api_me"),
]
